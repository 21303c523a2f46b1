// Zooming, moving and comparing with pointers, wheel, keys and buttons; no request is sent.

import { byId } from "./dom.js";
import { box, cssScale, place, showCut, showOriginal, stage, view, zoom } from "./viewer.js";

const STEP = Math.SQRT2;
const KEY_PAN_PX = 60;

function pan(dx, dy) {
  view.x += dx;
  view.y += dy;
  place();
}

// Pointers on the stage: one compares, or moves a magnified image; two pinch.
const pointers = new Map();
export const gestures = { take: null };

function onPointer(event) {
  if (event.target === byId("compare")) return;
  const { left, top, width } = box();
  const point = { x: event.clientX - left, y: event.clientY - top };
  if (event.type === "pointerdown" && event.button === 0) {
    stage().setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, point);
  }
  const last = pointers.get(event.pointerId);
  const taken = gestures.take?.(event, point, pointers.size);
  if (!last) return;
  if (event.type === "pointermove") {
    if (pointers.size === 2) pinch(event.pointerId, last, point);
    else if (!taken) {
      if (magnified() || gestures.take) pan(point.x - last.x, point.y - last.y);
      else showCut(Math.min(100, Math.max(0, (100 * point.x) / width)));
    }
    pointers.set(event.pointerId, point);
  } else if (event.type !== "pointerdown") pointers.delete(event.pointerId);
}

function pinch(id, last, point) {
  const [other] = [...pointers].filter(([key]) => key !== id).map(([, value]) => value);
  const distance = (p) => Math.hypot(p.x - other.x, p.y - other.y);
  const middle = { x: (point.x + other.x) / 2, y: (point.y + other.y) / 2 };
  pan((point.x - last.x) / 2, (point.y - last.y) / 2);
  if (distance(last) > 1) zoom((view.scale * distance(point)) / distance(last), middle.x, middle.y);
}

const magnified = () =>
  view.width * cssScale() > box().width + 1 || view.height * cssScale() > box().height + 1;

function onWheel(event) {
  const zooms = event.ctrlKey || event.metaKey;
  // The page scrolls on where there is nothing to move.
  if (!zooms && !magnified()) return;
  event.preventDefault();
  const { left, top } = box();
  if (zooms)
    zoom(view.scale * Math.exp(-event.deltaY / 200), event.clientX - left, event.clientY - top);
  else pan(-event.deltaX, -event.deltaY);
}

const KEYS = {
  ArrowLeft: () => pan(KEY_PAN_PX, 0),
  ArrowRight: () => pan(-KEY_PAN_PX, 0),
  ArrowUp: () => pan(0, KEY_PAN_PX),
  ArrowDown: () => pan(0, -KEY_PAN_PX),
  "+": () => zoom(view.scale * STEP),
  "-": () => zoom(view.scale / STEP),
  0: () => zoom(null),
  1: () => zoom(1),
  2: () => zoom(2),
  4: () => zoom(4),
  o: () => showOriginal(!stage().classList.contains("original")),
};

function onKey(event) {
  if (event.target !== stage() || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = KEYS[event.key] ?? KEYS[event.key.toLowerCase()];
  if (!act) return;
  event.preventDefault();
  act();
}

export function start() {
  for (const type of ["pointerdown", "pointermove", "pointerup", "pointercancel", "lostpointercapture"])
    stage().addEventListener(type, onPointer);
  stage().addEventListener("wheel", onWheel, { passive: false });
  stage().addEventListener("keydown", onKey);
  stage().addEventListener("dblclick", (event) => {
    const { left, top } = box();
    if (!gestures.take) zoom(view.fitted ? 1 : null, event.clientX - left, event.clientY - top);
  });
  for (const control of document.querySelectorAll("[data-zoom]"))
    control.addEventListener("click", () => zoom(control.dataset.zoom === "fit" ? null : Number(control.dataset.zoom)));
  byId("smaller").addEventListener("click", () => zoom(view.scale / STEP));
  byId("larger").addEventListener("click", () => zoom(view.scale * STEP));
}
