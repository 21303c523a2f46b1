// Strokes of a brush in image coordinates, and what is made of them: a tint, and masks to send.

import { make, toBlob } from "./dom.js";

// Masks need no more detail: the service solves the edge beside a stroke anew.
const MASK_PX = 2048;
// Okabe and Ito, 2008: told apart with every common kind of colour blindness.
export const TINTS = { keep: "rgb(0 114 178 / 60%)", erase: "rgb(213 94 0 / 60%)" };

/** A canvas of the image's ratio, at most `most` px long, that takes image coordinates. */
export function canvasFor({ width, height }, { canvas = make("canvas"), alpha = true, most = MASK_PX } = {}) {
  const scale = Math.min(1, most / Math.max(width, height));
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d", { alpha });
  context.setTransform(canvas.width / width, 0, 0, canvas.height / height, 0, 0);
  return context;
}

/** Draw one stroke; a single point is a disc, though a line without length would draw nothing. */
export function draw(context, { size, points }, colour) {
  context.strokeStyle = colour;
  context.lineWidth = size;
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  context.moveTo(...points[0]);
  for (const [x, y] of points) context.lineTo(x + 1e-3, y);
  context.stroke();
}

/** The masks `keep` and `erase` as PNG, at most `most` px long; where strokes cross, the later one holds. */
export async function masksOf(strokes, size, most) {
  const masks = {};
  for (const name of ["keep", "erase"]) {
    if (!strokes.some((stroke) => stroke.tool === name)) continue;
    const context = canvasFor(size, { alpha: false, most });
    for (const stroke of strokes) draw(context, stroke, stroke.tool === name ? "#fff" : "#000");
    masks[name] = await toBlob(context.canvas);
  }
  return masks;
}
