// The selected image: comparing, zooming and moving, all without a request.

import { byId, loaded, make } from "./dom.js";
import { estimate } from "./cards.js";
import { originalOf } from "./queue.js";
import { on, state } from "./store.js";
import { number, seconds, t } from "./words.js";

const MIN_SCALE = 1 / 16;
const MAX_SCALE = 16;
const STEP = Math.SQRT2;
const PIXELATED_FROM = 2;
const KEY_PAN_PX = 60;
const HOLD_MS = 300;

// scale: device pixels for each image pixel; x, y: where the image's corner is, in CSS px.
export const view = { scale: 1, x: 0, y: 0, width: 0, height: 0, fitted: true };
const stage = () => byId("stage");
const box = () => stage().getBoundingClientRect();
export const cssScale = () => view.scale / devicePixelRatio;

function fitScale() {
  const { width, height } = box();
  if (!view.width || !width) return 1;
  return Math.min(width / view.width, height / view.height, 2) * devicePixelRatio;
}

function place() {
  const { left, top, width, height } = box();
  const css = cssScale();
  const limit = (offset, size, room) =>
    size <= room ? (room - size) / 2 : Math.min(0, Math.max(room - size, offset));
  view.x = limit(view.x, view.width * css, width);
  view.y = limit(view.y, view.height * css, height);
  const style = stage().style;
  style.setProperty("--w", `${view.width * css}px`);
  style.setProperty("--h", `${view.height * css}px`);
  // On whole device pixels, or an image at 100 % would be interpolated.
  const snap = (offset, edge) => Math.round((edge + offset) * devicePixelRatio) / devicePixelRatio - edge;
  style.setProperty("--x", `${snap(view.x, left + stage().clientLeft)}px`);
  style.setProperty("--y", `${snap(view.y, top + stage().clientTop)}px`);
  stage().classList.toggle("pixelated", view.scale >= PIXELATED_FROM);
  byId("scale").textContent = number(view.scale, { style: "percent", maximumFractionDigits: 1 });
  for (const control of document.querySelectorAll("[data-zoom]")) {
    const on = control.dataset.zoom === "fit" ? view.fitted : !view.fitted && view.scale === Number(control.dataset.zoom);
    control.setAttribute("aria-pressed", String(on));
  }
  stage().dispatchEvent(new Event("place"));
}

/** Zoom to a scale, keeping the point at (x, y) of the stage where it is; null fits. */
export function zoom(scale, x = box().width / 2, y = box().height / 2) {
  view.fitted = scale === null;
  const next = scale === null ? fitScale() : Math.min(MAX_SCALE, Math.max(MIN_SCALE, scale));
  const ratio = next / view.scale;
  view.x = x - (x - view.x) * ratio;
  view.y = y - (y - view.y) * ratio;
  view.scale = next;
  place();
}

export function pan(dx, dy) {
  view.x += dx;
  view.y += dy;
  place();
}

function showCut(percent) {
  byId("compare").value = percent;
  stage().style.setProperty("--cut", `${percent}%`);
  byId("compare").setAttribute("aria-valuetext", t("compare_value", { share: number(percent / 100, { style: "percent" }) }));
}

function showOriginal(shown) {
  stage().classList.toggle("original", shown);
  byId("hold").setAttribute("aria-pressed", String(shown));
}

/** "Original" shows it while it is held, and stays where it is only clicked. */
function holding() {
  const control = byId("hold");
  let pressed = 0;
  let before = false;
  const shown = () => stage().classList.contains("original");
  control.addEventListener("pointerdown", (event) => {
    control.setPointerCapture(event.pointerId);
    [pressed, before] = [event.timeStamp, shown()];
    showOriginal(true);
  });
  control.addEventListener("click", (event) => {
    if (!pressed) showOriginal(!shown());
    else showOriginal(event.timeStamp - pressed > HOLD_MS ? before : !before);
    pressed = 0;
  });
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

let shown = null;

/** Show the selected image: its original at once, its result when there is one. */
export async function show() {
  const item = state.selected;
  const result = byId("result");
  byId("tools").toggleAttribute("data-empty", !item?.result);
  if (item !== shown) {
    shown = item;
    for (const image of [byId("original"), result]) image.removeAttribute("src");
    showOriginal(false);
    showCut(0);
    view.width = 0;
    if (item) byId("original").src = originalOf(item);
  }
  if (!item) return;
  byId("original").alt = t("alt_original", { name: item.name });
  const url = item.preview?.url ?? item.result?.url;
  stage().dataset.state = item.result ? "done" : item.state;
  if (url && result.getAttribute("src") !== url) {
    await loaded(url).catch(() => null);
    if (state.selected !== item || (item.preview?.url ?? item.result?.url) !== url) return;
    result.src = url;
  }
  result.alt = item.result ? t("alt_result", { name: item.name }) : "";
  result.hidden = !url;
  byId("stage-note").textContent = item.result ? (item.state === "done" ? "" : t("updating")) : stateOf(item);
  tellFigures(item);
}

const stateOf = (item) => item.note || t(`state_${item.state}`);

function tellFigures(item) {
  const known = item.result && item.state === "done";
  const judged = known ? estimate(item.result) : { level: "", text: "" };
  byId("estimate").textContent = judged.text;
  byId("estimate").dataset.level = judged.level;
  byId("warnings").replaceChildren(...(known && item.result.warning ? [make("li", { lang: "en" }, item.result.warning)] : []));
  byId("figures").hidden = !known;
  if (!known) return;
  const percent = (value) => number(value, { style: "percent", maximumFractionDigits: 1 });
  const rows = [
    [t("size"), view.width ? `${view.width} × ${view.height} px` : ""],
    [t("predicted_iou"), number(item.result.iou, { maximumFractionDigits: 3 })],
    [t("coverage"), percent(item.result.coverage)],
    [t("uncertain"), percent(item.result.uncertain)],
    [t("time"), seconds(item.result.ms)],
  ];
  byId("figures").querySelector("dl").replaceChildren(
    ...rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

/** An image that has loaded says how large it is; both have one size, save where scaled. */
function onLoad(event) {
  const { naturalWidth, naturalHeight } = event.target;
  if (event.target.id === "result" && view.width) return;
  [view.width, view.height] = [naturalWidth, naturalHeight];
  zoom(null);
  if (state.selected) tellFigures(state.selected);
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
  byId("compare").addEventListener("input", () => showCut(Number(byId("compare").value)));
  for (const id of ["original", "result"]) byId(id).addEventListener("load", onLoad);
  for (const control of document.querySelectorAll("[data-zoom]"))
    control.addEventListener("click", () => zoom(control.dataset.zoom === "fit" ? null : Number(control.dataset.zoom)));
  byId("smaller").addEventListener("click", () => zoom(view.scale / STEP));
  byId("larger").addEventListener("click", () => zoom(view.scale * STEP));
  holding();
  new ResizeObserver(() => (view.fitted ? zoom(null) : place())).observe(stage());
  on("selected", show);
  on("item", (item) => item === state.selected && show());
  on("language", show);
}
