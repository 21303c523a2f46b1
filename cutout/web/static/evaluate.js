// Measuring: images and true masks matched by name, a table, and where a mask is wrong.

import { alert } from "./alerts.js";
import { post } from "./api.js";
import { button, byId, field, make, save } from "./dom.js";
import { filesIn } from "./drop.js";
import { openOverlay } from "./overlay.js";
import { on } from "./store.js";
import { number, t } from "./words.js";

export const MEASURES = ["iou", "dice", "precision", "recall", "pixel_accuracy"];
const AT_ONCE = 2;
const chosen = { images: [], masks: [] };
let rows = [];
let abort = null;
let started = false;

const stemOf = (file) => file.name.replace(/\.[^.]*$/, "");

export function start() {
  if (started) return;
  started = true;
  build();
  on("language", build);
}

/** Images and masks of one drop: what lies in a folder called mask, or is named so, is a mask. */
export async function takeEntries(entries) {
  for (const file of await filesIn(entries)) {
    const path = file.fullPath ?? file.name;
    take([file], /mask|truth|(^|\/)gt(\/|$)/i.test(path) ? "masks" : "images");
  }
}

function take(files, role) {
  chosen[role].push(...files);
  pair();
}

function pair() {
  const masks = new Map(chosen.masks.map((file) => [stemOf(file).replace(/[-_]mask$/i, ""), file]));
  const known = new Map(rows.map((row) => [row.image, row]));
  rows = chosen.images.filter((image) => masks.has(stemOf(image))).map((image) =>
    known.get(image) ?? { image, mask: masks.get(stemOf(image)), values: null, note: t("state_waiting") });
  paint();
}

function chooser(role) {
  const input = (extra) => make("input", { type: "file", multiple: true, accept: "image/*", change: (event) => {
    take([...event.target.files], role);
    event.target.value = "";
  }, ...extra });
  return make("div", { class: "buttons" },
    make("label", { class: "button" }, make("span", {}, t(`choose_${role}`)), input({ id: `evaluate-${role}` })),
    make("label", { class: "button" }, make("span", {}, t(`choose_${role}_folder`)), input({ id: `evaluate-${role}-folder`, webkitdirectory: true })));
}

function build() {
  byId("evaluate").replaceChildren(
    make("h2", {}, t("evaluate_title")), make("p", {}, t("evaluate_text")),
    chooser("images"), chooser("masks"),
    make("p", { id: "pairs", role: "status" }),
    make("p", { class: "buttons" },
      button(t("measure"), measure, { id: "measure", class: "primary" }),
      button(t("cancel"), () => abort?.abort(), { id: "measure-cancel", hidden: true }),
      button(t("csv"), saveCsv, { id: "csv" }),
      button(t("clear"), clear, { id: "clear" })),
    make("div", { id: "table", class: "table", tabindex: 0, role: "region", "aria-label": t("evaluate_title") }),
    make("div", { id: "overlay-view" }));
  paint();
}

function clear() {
  abort?.abort();
  chosen.images = [];
  chosen.masks = [];
  rows = [];
  byId("overlay-view").replaceChildren();
  paint();
}

const measured = () => rows.filter((row) => row.values);
const mean = (name) => measured().reduce((sum, row) => sum + row.values[name], 0) / measured().length;
export const digits = (value) => number(value, { minimumFractionDigits: 4, maximumFractionDigits: 4 });

function paint() {
  const alone = chosen.images.length - rows.length;
  byId("pairs").textContent = chosen.images.length + chosen.masks.length
    ? t("pairs", { count: rows.length }) + (alone ? ` ${t("without_mask", { count: alone })}` : "") : "";
  byId("measure").disabled = !rows.length;
  byId("csv").disabled = !measured().length;
  byId("clear").disabled = !chosen.images.length && !chosen.masks.length;
  byId("table").hidden = !rows.length;
  const order = [...rows].sort((a, b) => (a.values?.iou ?? 2) - (b.values?.iou ?? 2));
  const cell = (text) => make("td", {}, text);
  const body = order.map((row) => make("tr", {},
    make("th", { scope: "row" }, row.values ? button(stemOf(row.image), () => openOverlay(row), { class: "small-button" }) : make("bdi", {}, stemOf(row.image))),
    ...(row.values ? MEASURES.map((name) => cell(digits(row.values[name]))) : [make("td", { colspan: MEASURES.length }, row.note)])));
  const foot = measured().length > 1 && make("tfoot", {}, make("tr", {},
    make("th", { scope: "row" }, t("mean", { count: measured().length })), ...MEASURES.map((name) => cell(digits(mean(name))))));
  byId("table").replaceChildren(make("table", {},
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, t("image")), ...MEASURES.map((name) => make("th", { scope: "col" }, t(`measure_${name}`))))),
    make("tbody", {}, ...body), ...(foot ? [foot] : [])));
}

/** The measures of one pair, as the service gives them. */
export async function ask(row, options = {}, signal = undefined) {
  const form = () => {
    const data = new FormData();
    data.append("image", row.image);
    data.append("mask", row.mask);
    for (const [name, value] of Object.entries(options)) data.append(name, value);
    return data;
  };
  return post("evaluate", form, { signal });
}

async function measure() {
  abort = new AbortController();
  const { signal } = abort;
  const waiting = rows.filter((row) => !row.values);
  byId("measure-cancel").hidden = false;
  byId("measure").disabled = true;
  const work = async () => {
    for (let row = waiting.shift(); row && !signal.aborted; row = waiting.shift()) {
      try {
        row.values = await (await ask(row, {}, signal)).json();
      } catch (error) {
        if (error.name !== "AbortError") row.note = error.message;
      }
      paint();
      byId("measure").disabled = true;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  byId("measure-cancel").hidden = true;
  paint();
  const first = [...measured()].sort((a, b) => a.values.iou - b.values.iou)[0];
  if (first && !signal.aborted) await openOverlay(first).catch((error) => alert(error.message));
}

/** Names that a spreadsheet would take for a formula get an apostrophe; quotes are doubled. */
export const csvCell = (value) => {
  const text = String(value);
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

function saveCsv() {
  const lines = measured().map((row) => [stemOf(row.image), ...MEASURES.map((name) => row.values[name])]);
  const all = [["image", ...MEASURES], ...lines, ["mean", ...MEASURES.map(mean)]];
  save(new Blob([`${all.map((line) => line.map(csvCell).join(",")).join("\r\n")}\r\n`], { type: "text/csv" }), "measures.csv");
}
