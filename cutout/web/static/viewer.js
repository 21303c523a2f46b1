// The selected image: original and result, one over the other, at any size.

import { byId, loaded, make } from "./dom.js";
import { estimate } from "./cards.js";
import { originalOf } from "./queue.js";
import { on, state } from "./store.js";
import { number, t } from "./words.js";

const MIN_SCALE = 1 / 16;
const MAX_SCALE = 16;
const PIXELATED_FROM = 2;
const HOLD_MS = 300;

// scale: device pixels for each image pixel; x, y: where the image's corner is, in CSS px.
export const view = { scale: 1, x: 0, y: 0, width: 0, height: 0, fitted: true };
export const stage = () => byId("stage");
export const box = () => stage().getBoundingClientRect();
export const cssScale = () => view.scale / devicePixelRatio;

function fitScale() {
  const { width, height } = box();
  if (!view.width || !width) return 1;
  return Math.min(width / view.width, height / view.height, 2) * devicePixelRatio;
}

export function place() {
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

export function showCut(percent) {
  byId("compare").value = percent;
  stage().style.setProperty("--cut", `${percent}%`);
  byId("compare").setAttribute("aria-valuetext", t("compare_value", { share: number(percent / 100, { style: "percent" }) }));
}

export function showOriginal(shown) {
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
  tellQuality(item);
}

const stateOf = (item) => item.note || t(`state_${item.state}`);

function tellQuality(item) {
  const known = item.result && item.state === "done";
  const judged = known ? estimate(item.result) : { level: "", text: "", flags: [] };
  byId("estimate").textContent = judged.text;
  byId("estimate").dataset.level = judged.level;
  byId("warnings").replaceChildren(...judged.flags.map((name) => make("li", {}, t(`flag_${name}`))));
  if (known && item.result.warning) byId("warnings").append(make("li", { lang: "en" }, item.result.warning));
  byId("figures").hidden = !known;
}

/** An image that has loaded says how large it is; both have one size, save where scaled. */
function onLoad(event) {
  const { naturalWidth, naturalHeight } = event.target;
  if (event.target.id === "result" && view.width) return;
  [view.width, view.height] = [naturalWidth, naturalHeight];
  zoom(null);
}

export function start() {
  byId("compare").addEventListener("input", () => showCut(Number(byId("compare").value)));
  for (const id of ["original", "result"]) byId(id).addEventListener("load", onLoad);
  holding();
  new ResizeObserver(() => (view.fitted ? zoom(null) : place())).observe(stage());
  on("selected", show);
  on("item", (item) => item === state.selected && show());
  on("language", show);
}
