// Correcting a result by hand: strokes go to the service, which solves the edge anew.

import { alert, lazy } from "./alerts.js";
import { post, removalForm, blobOf } from "./api.js";
import { button, byId, field, make, toBlob } from "./dom.js";
import { retry } from "./queue.js";
import { config, emit, matteOptions, on, state } from "./store.js";
import { canvasFor, draw, masksOf, TINTS } from "./strokes.js";
import { cssScale, view } from "./viewer.js";
import { t } from "./words.js";
import { gestures } from "./zoom.js";

// While strokes are drawn the service works on a copy of this size, to answer within a second.
const PREVIEW_PX = 1024;
const PAUSE_MS = 150;
const LOUPE_PX = 120;
const LOUPE_SCALE = 2;
const brush = { tool: "erase", size: 0, x: 0, y: 0, stroke: null, space: false };
let item = null;
let copy = null;
let timer = 0;
let abort = null;
let started = false;

const stage = () => byId("stage");

function start() {
  started = true;
  const before = byId("line");
  before.before(make("canvas", { id: "paint", class: "layer" }));
  before.after(make("div", { id: "cursor", hidden: true }), make("canvas", { id: "loupe", width: LOUPE_PX, height: LOUPE_PX, hidden: true }));
  stage().addEventListener("place", placeCursor);
  stage().addEventListener("keydown", onKey, { capture: true });
  stage().addEventListener("keyup", onKeyUp);
  on("selected", () => item && item !== state.selected && close());
  on("items", () => item && !state.items.includes(item) && close());
  on("language", () => item && build());
}

export function toggle() {
  if (!started) start();
  if (item) close();
  else if (state.selected?.result) open(state.selected);
}

function open(selected) {
  item = selected;
  brush.size ||= Math.max(4, Math.round(Math.max(view.width, view.height) / 25));
  [brush.x, brush.y] = [view.width / 2, view.height / 2];
  stage().dataset.paint = "";
  byId("tools").querySelector("#touch-up").setAttribute("aria-pressed", "true");
  gestures.take = onPointer;
  build();
  repaint();
  copy = smallCopy(item).catch(() => item.file);
  // The model's map of the copy is then known when the first stroke is drawn.
  if (!item.strokes.length) copy.then(() => askPreview(true));
  stage().focus();
}

/** Leave: the result is computed with the strokes at full size. */
function close() {
  const left = item;
  item = null;
  clearTimeout(timer);
  abort?.abort();
  gestures.take = null;
  delete stage().dataset.paint;
  byId("brushes").hidden = true;
  byId("cursor").hidden = byId("loupe").hidden = true;
  byId("touch-up").setAttribute("aria-pressed", "false");
  canvasFor(view, { canvas: byId("paint") });
  const changed = left.result && left.revision !== (left.result.revision ?? 0);
  if (changed && state.items.includes(left)) retry(left);
  else dropPreview(left);
}

function dropPreview(of) {
  if (of.preview) URL.revokeObjectURL(of.preview.url);
  delete of.preview;
  emit("item", of);
}

/** The image at preview size, as a file of a type that the server takes. */
async function smallCopy({ file }) {
  const { width, height } = view;
  if (Math.max(width, height) <= PREVIEW_PX * 1.25) return file;
  const scale = PREVIEW_PX / Math.max(width, height);
  const bitmap = await createImageBitmap(file, {
    resizeWidth: Math.round(width * scale), resizeHeight: Math.round(height * scale), resizeQuality: "high" });
  const canvas = make("canvas", { width: bitmap.width, height: bitmap.height });
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
  return toBlob(canvas, config.formats.includes("WEBP") ? "image/webp" : "image/png");
}

function build() {
  const tool = (name) => button(t(name), () => choose(name), { id: `tool-${name}`, "aria-pressed": String(brush.tool === name) });
  const size = make("input", { type: "range", id: "brush-size", min: 1, max: Math.max(50, Math.round(Math.max(view.width, view.height) / 4)), value: brush.size,
    input: () => { brush.size = Number(size.value); placeCursor(); } });
  byId("brushes").replaceChildren(
    make("span", { class: "group", role: "group", "aria-label": t("tool") }, tool("keep"), tool("erase")),
    field(t("brush_size"), size),
    button(t("undo"), undo, { id: "undo" }),
    button(t("redo"), redo, { id: "redo" }),
    button(t("training_pair"), () => lazy(() => import("./zip.js"), (it) => it.savePair(item).catch((error) => alert(error.message))), { id: "training-pair" }),
    button(t("done"), () => { close(); byId("touch-up").focus(); }, { id: "touch-up-done", class: "primary" }),
    make("p", { class: "small" }, t("brush_help")),
  );
  byId("brushes").hidden = false;
  update();
}

function update() {
  byId("undo").disabled = !item.strokes.length;
  byId("redo").disabled = !item.undone.length;
  for (const name of ["keep", "erase"]) byId(`tool-${name}`).setAttribute("aria-pressed", String(brush.tool === name));
}

function choose(tool) {
  brush.tool = tool;
  update();
  placeCursor();
}

function undo() {
  if (item.strokes.length) changed(() => item.undone.push(item.strokes.pop()));
}

function redo() {
  if (item.undone.length) changed(() => item.strokes.push(item.undone.pop()));
}

function changed(work) {
  work();
  item.revision = item.strokes.length ? (item.lastRevision = (item.lastRevision ?? 0) + 1) : 0;
  item.files.clear();
  const { revision } = item;
  const at = item;
  const size = { width: view.width, height: view.height };
  let made = null;
  // Whoever sends the image at full size has its masks made.
  at.ready = () => (made ??= masksOf(at.strokes, size).then((hints) => at.revision === revision && (at.hints = hints)));
  stage().dataset.paint = "";
  repaint();
  const had = document.activeElement;
  update();
  if (had?.disabled) stage().focus();
  clearTimeout(timer);
  timer = setTimeout(askPreview, PAUSE_MS);
}

/** Have the service solve the edge beside the strokes, on the small copy. */
// A stroke does not stop the first request, of whose map of the model it makes use.
async function askPreview(first = false) {
  const asked = item;
  if (!asked) return;
  const mine = new AbortController();
  const { signal } = mine;
  if (!first) {
    abort?.abort();
    abort = mine;
  }
  try {
    const revision = asked.revision;
    const [file, hints] = await Promise.all([copy, masksOf(asked.strokes, view, PREVIEW_PX)]);
    // Over the image itself, as it is shown here, colours need no cleaning, which takes longest.
    const form = () => removalForm({ file, name: asked.name, hints }, { ...matteOptions(), decontaminate: "off" });
    const blob = await blobOf(await post("remove-bg", form, { signal }));
    if (item !== asked || asked.revision !== revision || signal.aborted) return;
    if (asked.preview) URL.revokeObjectURL(asked.preview.url);
    asked.preview = { url: URL.createObjectURL(blob) };
    if (!brush.stroke) stage().dataset.paint = "solved";
    if (revision) byId("status").textContent = t("solved");
    emit("item", asked);
  } catch (error) {
    if (error.name !== "AbortError") alert(error.message);
  }
}

function repaint() {
  const context = canvasFor(view, { canvas: byId("paint") });
  for (const stroke of item.strokes) draw(context, stroke, TINTS[stroke.tool]);
  if (brush.stroke) draw(context, brush.stroke, TINTS[brush.stroke.tool]);
  placeCursor();
}

function placeCursor() {
  const cursor = byId("cursor");
  cursor.hidden = !item;
  if (!item) return;
  const scale = cssScale();
  const side = Math.max(4, brush.size * scale);
  cursor.dataset.tool = brush.tool;
  Object.assign(cursor.style, {
    width: `${side}px`, height: `${side}px`,
    left: `${view.x + brush.x * scale - side / 2}px`, top: `${view.y + brush.y * scale - side / 2}px`,
  });
}

function begin() {
  brush.stroke = { tool: brush.tool, size: brush.size, points: [[brush.x, brush.y]] };
  stage().dataset.paint = "";
  repaint();
}

function extend() {
  brush.stroke.points.push([brush.x, brush.y]);
  repaint();
}

function end(keep = true) {
  const { stroke } = brush;
  brush.stroke = null;
  if (!stroke) return;
  if (!keep) return repaint();
  changed(() => {
    item.strokes.push(stroke);
    item.undone = [];
  });
}

/** Pointers: one paints; with the space bar held, or with two, the image moves. */
function onPointer(event, point, count) {
  const scale = cssScale();
  if (!brush.space) [brush.x, brush.y] = [(point.x - view.x) / scale, (point.y - view.y) / scale];
  placeCursor();
  const painting = brush.stroke && !brush.space;
  if (event.type === "pointerdown" && event.button === 0) {
    if (count > 1) end(false);
    else if (brush.space) brush.space = "moved";
    else begin();
  } else if (event.type === "pointermove" && painting) extend();
  else if (["pointerup", "pointercancel"].includes(event.type) && painting) end(event.type === "pointerup");
  loupe(event, point);
  return !brush.space;
}

/** A finger hides what it paints: show that twice as large in a corner. */
function loupe(event, point) {
  const shown = event.pointerType === "touch" && Boolean(brush.stroke);
  byId("loupe").hidden = !shown;
  if (!shown) return;
  const context = byId("loupe").getContext("2d");
  const side = LOUPE_PX / LOUPE_SCALE / cssScale();
  context.clearRect(0, 0, LOUPE_PX, LOUPE_PX);
  context.drawImage(byId("original"), brush.x - side / 2, brush.y - side / 2, side, side, 0, 0, LOUPE_PX, LOUPE_PX);
  const ratio = byId("paint").width / view.width;
  context.drawImage(byId("paint"), (brush.x - side / 2) * ratio, (brush.y - side / 2) * ratio, side * ratio, side * ratio, 0, 0, LOUPE_PX, LOUPE_PX);
  byId("loupe").classList.toggle("end", point.x < LOUPE_PX * 1.5 && point.y < LOUPE_PX * 1.5);
}

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function resize(factor) {
  const size = byId("brush-size");
  size.value = Math.max(1, Math.round(brush.size * factor + Math.sign(factor - 1)));
  brush.size = Number(size.value);
  placeCursor();
}

/** What a key does while the image has the focus; undefined leaves it to the viewer. */
function actOf(event) {
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    if (key === "z") return event.shiftKey ? redo : undo;
    return key === "y" ? redo : undefined;
  }
  if (MOVES[event.key]) return () => move(MOVES[event.key], event.shiftKey ? 10 : 1);
  return { " ": () => (brush.space ||= "held"), "[": () => resize(1 / 1.2), "]": () => resize(1.2),
    k: () => choose("keep"), e: () => choose("erase"), escape: () => { close(); byId("touch-up").focus(); } }[key];
}

function onKey(event) {
  const act = item && event.target === stage() && actOf(event);
  if (!act) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  act();
}

/** Arrow keys move the brush; with the space bar held they paint. */
function move([dx, dy], step) {
  if (brush.space && !brush.stroke) {
    brush.space = "painting";
    begin();
  }
  brush.x = Math.min(view.width, Math.max(0, brush.x + dx * step));
  brush.y = Math.min(view.height, Math.max(0, brush.y + dy * step));
  if (brush.stroke) extend();
  placeCursor();
}

function onKeyUp(event) {
  if (event.key !== " " || !item) return;
  if (brush.space === "held") begin();
  if (brush.space !== "moved") end();
  brush.space = false;
}
