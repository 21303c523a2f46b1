// One evaluated image: right, missed and wrongly kept pixels at any threshold.

import { ask, digits, MEASURES } from "./evaluate.js";
import { blobOf, post } from "./api.js";
import { byId, field, make } from "./dom.js";
import { number, t } from "./words.js";

// As the service paints them (cutout/measures/overlay.py): Okabe and Ito's colours, half bright.
const COLOURS = { true: [0, 114, 178], missed: [240, 228, 66], wrong: [213, 94, 0] };
const OPACITY = 0.65;
const BRIGHTNESS = 0.5;
// iOS draws no larger canvas; here nothing needs more pixels to look at.
const MAX_PIXELS = 4e6;

/** The 8-bit level of a threshold, as the service rounds it. */
export const levelOf = (threshold) => Math.min(Math.floor(threshold * 255 + 0.5), 254);

async function pixelsOf(blob, size) {
  const bitmap = await createImageBitmap(blob, size && { resizeWidth: size.width, resizeHeight: size.height, resizeQuality: "pixelated" });
  const canvas = make("canvas", { width: bitmap.width, height: bitmap.height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

/** The image's size, or less where it has too many pixels to paint. */
async function sizeOf(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, Math.sqrt(MAX_PIXELS / (bitmap.width * bitmap.height)));
  const size = { width: Math.round(bitmap.width * scale), height: Math.round(bitmap.height * scale) };
  bitmap.close();
  return size;
}

async function load(row) {
  const form = () => {
    const data = new FormData();
    data.append("image", row.image);
    data.append("output", "mask");
    return data;
  };
  const size = await sizeOf(row.image);
  const matte = await blobOf(await post("remove-bg", form));
  const [image, pred, truth] = await Promise.all([row.image, matte, row.mask].map((blob) => pixelsOf(blob, size)));
  return { image, pred, truth };
}

/** Paint the overlay and count: pixels right, missed, wrongly kept. */
export function compare({ image, pred, truth }, level, trueLevel = level) {
  const out = new ImageData(image.width, image.height);
  const counts = { true: 0, missed: 0, wrong: 0 };
  for (let i = 0; i < out.data.length; i += 4) {
    const kind = pred.data[i] > level ? (truth.data[i] > trueLevel ? "true" : "wrong") : truth.data[i] > trueLevel ? "missed" : "";
    const grey = (image.data[i] + image.data[i + 1] + image.data[i + 2]) / 3;
    if (kind) counts[kind] += 1;
    for (let c = 0; c < 3; c++)
      out.data[i + c] = kind ? grey * (1 - OPACITY) + COLOURS[kind][c] * OPACITY : grey * BRIGHTNESS;
    out.data[i + 3] = 255;
  }
  return { out, counts };
}

let opened = 0;

export async function openOverlay(row) {
  const mine = ++opened;
  const place = byId("overlay-view");
  place.replaceChildren(make("p", { role: "status" }, t("loading_overlay")));
  const maps = await load(row);
  if (mine !== opened) return;
  const canvas = make("canvas", { width: maps.image.width, height: maps.image.height, role: "img", "aria-label": t("alt_overlay", { name: row.image.name }) });
  const told = make("p", { id: "threshold-told" });
  const figures = make("dl", {});
  const slider = make("input", { type: "range", id: "threshold", min: 0, max: 1, step: 0.01, value: 0.5,
    input: paint, change: () => confirm(row, slider, told, figures, () => mine === opened) });
  function paint() {
    const { out, counts } = compare(maps, levelOf(Number(slider.value)));
    canvas.getContext("2d").putImageData(out, 0, 0);
    const union = counts.true + counts.missed + counts.wrong;
    const iou = union ? counts.true / union : 1;
    told.lastText = told.textContent = t("threshold_told", { threshold: number(Number(slider.value), { minimumFractionDigits: 2 }), iou: number(iou, { maximumFractionDigits: 4 }) });
  }
  const legend = ["true", "missed", "wrong"].map((kind) => make("li", {}, make("span", { class: `sample legend-${kind}`, "aria-hidden": "true" }), t(`legend_${kind}`)));
  place.replaceChildren(make("h3", {}, make("bdi", {}, row.image.name)), canvas, make("ul", { class: "legend" }, ...legend),
    field(t("threshold"), slider), told, figures);
  paint();
  showFigures(figures, row.values);
}

function showFigures(figures, values) {
  figures.replaceChildren(...MEASURES.flatMap((name) => [make("dt", {}, t(`measure_${name}`)), make("dd", {}, digits(values[name]))]));
}

/** The service's own figures at this threshold: those that count. */
async function confirm(row, slider, told, figures, current) {
  const threshold = slider.value;
  try {
    const values = await (await ask(row, { threshold })).json();
    if (!current() || slider.value !== threshold) return;
    showFigures(figures, values);
    told.textContent = `${told.lastText} ${t("confirmed")}`;
  } catch (error) {
    told.textContent = error.message;
  }
}
