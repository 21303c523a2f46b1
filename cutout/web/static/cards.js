// The list of images: state in words, what can be done, the least sure first.

import { button, byId, make } from "./dom.js";
import { fileName } from "./download.js";
import { cancel, remove, retry } from "./queue.js";
import { on, select, state } from "./store.js";
import { number, t } from "./words.js";

// Of the predicted IoU: above the first an edge is seldom wrong, below the second much is.
export const GOOD = 0.9;
export const DOUBTFUL = 0.75;
const MESSAGE_PAUSE_MS = 1000;
const cards = new Map();

/** The quality estimate in words: level for colours, text for people. */
export function estimate(result) {
  if (result.revision) return { level: "good", text: t("estimate_corrected") };
  if (!result.found) return { level: "none", text: t("estimate_none") };
  if (result.iou >= GOOD) return { level: "good", text: t("estimate_good") };
  if (result.iou >= DOUBTFUL) return { level: "check", text: t("estimate_edge") };
  return { level: "doubt", text: t("estimate_doubt") };
}

function stateText(item) {
  if (item.state === "done") return estimate(item.result).text;
  return item.note || t(`state_${item.state}`);
}

function makeCard(item) {
  const image = make("img", { alt: "", draggable: "true", dragstart: (event) => dragOut(event, item) });
  const name = make("bdi", { class: "name" }, item.name);
  const text = make("span", { class: "state" });
  const main = make("button", { type: "button", class: "card-main", click: () => select(item) },
    make("span", { class: "thumb" }, image), make("span", { class: "card-text" }, name, text));
  const actions = make("span", { class: "actions" });
  return { node: make("li", { class: "card" }, main, actions), main, image, text, actions, shown: "" };
}

/** Chromium saves what is dragged out of the page under this name. */
function dragOut(event, item) {
  if (item.result) event.dataTransfer.setData("DownloadURL", `image/png:${fileName(item.name, {})}:${item.result.url}`);
}

function paint(item) {
  const card = cards.get(item);
  if (!card) return;
  card.image.hidden = !item.thumb;
  if (item.thumb && card.image.src !== item.thumb) card.image.src = item.thumb;
  card.text.textContent = stateText(item);
  card.text.lang = item.state === "failed" && item.noteLanguage ? item.noteLanguage : "";
  if (!card.text.lang) card.text.removeAttribute("lang");
  card.node.dataset.state = item.state;
  card.node.dataset.level = item.state === "done" ? estimate(item.result).level : "";
  card.main.setAttribute("aria-current", String(item === state.selected));
  paintActions(card, item);
}

function paintActions(card, item) {
  const busy = ["waiting", "checking", "working", "paused"].includes(item.state);
  const again = ["failed", "cancelled"].includes(item.state);
  const key = `${busy}${again}${document.documentElement.lang}`;
  if (card.shown === key) return;
  card.shown = key;
  const held = card.actions.contains(document.activeElement);
  const act = (word, click) =>
    button(t(word), click, { class: "small-button", "aria-label": `${t(word)}: ${item.name}` });
  card.actions.replaceChildren(
    ...(busy ? [act("cancel", () => cancel(item))] : []),
    ...(again ? [act("retry", () => retry(item))] : []),
    ...(busy ? [] : [act("remove", () => { remove(item); focusList(); })]),
  );
  if (held) card.actions.firstChild.focus();
}

const focusList = () => (byId("cards").querySelector("[aria-current=true]") ?? byId("more")).focus();

const doubt = (item) =>
  item.state === "failed" ? -2 : item.state !== "done" ? 3 : item.result.revision ? 2 : item.result.found ? item.result.iou : -1;

/** Put the cards in order, moving none that already stands right, and keep the focus. */
function arrange() {
  const order = [...state.items];
  if (state.order === "doubt") order.sort((a, b) => doubt(a) - doubt(b) || a.id - b.id);
  const focused = document.activeElement;
  order.forEach((item, index) => {
    const { node } = cards.get(item);
    if (byId("cards").children[index] !== node) byId("cards").insertBefore(node, byId("cards").children[index] ?? null);
  });
  if (document.activeElement !== focused && focused?.isConnected) focused.focus();
}

function update() {
  for (const [item, card] of cards)
    if (!state.items.includes(item)) {
      card.node.remove();
      cards.delete(item);
    }
  for (const item of state.items)
    if (!cards.has(item)) {
      cards.set(item, makeCard(item));
      byId("cards").append(cards.get(item).node);
      paint(item);
    }
  arrange();
  tell();
}

let told = "";
let timer = 0;

/** One line for everybody; screen readers hear it at most once a second. */
function tell() {
  const count = (name) => state.items.filter((item) => item.state === name).length;
  const [done, failed] = [count("done"), count("failed")];
  const text = state.items.length
    ? t("progress", { done: number(done), all: number(state.items.length) }) +
      (failed ? ` ${t("progress_failed", { count: failed })}` : "")
    : "";
  byId("progress").textContent = text;
  if (text === told) return;
  told = text;
  timer ||= setTimeout(() => {
    timer = 0;
    byId("status").textContent = told;
  }, MESSAGE_PAUSE_MS);
}

export function start() {
  byId("order").value = state.order;
  byId("order").addEventListener("change", () => {
    state.order = byId("order").value;
    arrange();
  });
  on("items", update);
  on("item", (item) => {
    paint(item);
    tell();
  });
  on("idle", arrange);
  on("selected", () => state.items.forEach(paint));
  on("language", () => {
    for (const item of state.items) paint(item);
    tell();
  });
}
