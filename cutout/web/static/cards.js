// The list of images: state in words, what can be done, the least sure first.

import { button, byId, make } from "./dom.js";
import { cancel, remove, retry } from "./queue.js";
import { on, select, state } from "./store.js";
import { number, t } from "./words.js";

// Of the predicted IoU: above the first an edge is seldom wrong, below the second much is.
export const GOOD = 0.9;
export const DOUBTFUL = 0.75;
const MESSAGE_PAUSE_MS = 1000;
const cards = new Map();

// What a result of a good estimate may still have wrong; other flags only tell where to look.
const SERIOUS = ["parts_lost", "thin_parts_lost", "parts_added"];
const TOLD = [...SERIOUS, "several_subjects", "touches_border", "small_subject"];
// The least sure first.
const LEVELS = ["none", "doubt", "check", "good", "corrected"];

/** The quality estimate in words: a level for colour and order, text for people, what to look at. */
export function estimate({ revision, found, iou, flags }) {
  if (revision) return { level: "corrected", text: t("estimate_corrected"), flags: [] };
  if (!found) return { level: "none", text: t("estimate_none"), flags: [] };
  const told = TOLD.filter((name) => flags.includes(name));
  if (iou < DOUBTFUL) return { level: "doubt", text: t("estimate_doubt"), flags: told };
  if (iou < GOOD || SERIOUS.includes(told[0])) return { level: "check", text: t("estimate_edge"), flags: told };
  return { level: "good", text: t("estimate_good"), flags: told };
}

function stateText(item) {
  if (item.state !== "done") return item.note || t(`state_${item.state}`);
  const { text, flags } = estimate(item.result);
  const wrong = flags.find((name) => SERIOUS.includes(name) || name === "several_subjects");
  return wrong ? `${text}. ${t(`flag_${wrong}`)}` : text;
}

function makeCard(item) {
  const image = make("img", { alt: "", draggable: "true" });
  const name = make("bdi", { class: "name" }, item.name);
  const text = make("span", { class: "state" });
  const main = make("button", { type: "button", class: "card-main", click: () => select(item) },
    make("span", { class: "thumb" }, image), make("span", { class: "card-text" }, name, text));
  const actions = make("span", { class: "actions" });
  return { node: make("li", { class: "card", "data-id": item.id }, main, actions), main, image, text, actions, shown: "" };
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
  card.node.classList.toggle("long", item.state === "failed" || card.text.textContent.length > 30);
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

const doubt = ({ state: now, result }) =>
  now === "failed" ? -1 : now === "done" ? LEVELS.indexOf(estimate(result).level) + result.iou / 2 : LEVELS.length;

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
