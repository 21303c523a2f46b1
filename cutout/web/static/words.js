// The page's texts: flat JSON for each language, English in the markup itself.

import { config, emit } from "./store.js";

let words = {};
// Texts and style of the parts that are loaded when they are first used.
let more = null;
export let language = "en";

/** The text of a key; {name} is replaced, and `count` chooses key.one or key.other. */
export function t(key, values = {}) {
  const plural = "count" in values && `${key}.${new Intl.PluralRules(language).select(values.count)}`;
  const text = words[plural] ?? words[`${key}.other`] ?? words[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export const number = (value, options) => new Intl.NumberFormat(language, options).format(value);
export const fileSize = (bytes) =>
  bytes < 1e5
    ? number(Math.ceil(bytes / 1e3), { style: "unit", unit: "kilobyte" })
    : number(bytes / 1e6, { style: "unit", unit: "megabyte", maximumFractionDigits: 1 });
export const seconds = (ms) =>
  number(ms / 1000, { style: "unit", unit: "second", maximumFractionDigits: 1 });

/** Put the texts into the markup: data-t is the content, data-t-label the accessible name. */
export function translate(root = document) {
  for (const node of root.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of root.querySelectorAll("[data-t-label]"))
    node.setAttribute("aria-label", t(node.dataset.tLabel));
}

/** The language of ?lang=, else the first of the browser's that there is, else English. */
export function preferred() {
  const asked = [new URLSearchParams(location.search).get("lang"), ...navigator.languages];
  const short = asked.filter(Boolean).map((code) => code.toLowerCase().split("-")[0]);
  return short.find((code) => config.languages.includes(code)) ?? "en";
}

async function read(name) {
  const response = await fetch(new URL(`words/${name}.json`, import.meta.url));
  if (!response.ok) throw new Error(`no words: ${name}`);
  return response.json();
}

export async function use(code) {
  words = Object.assign({}, ...(await Promise.all([read(code), more && read(`more/${code}`)])));
  language = code;
  document.documentElement.lang = code;
  document.documentElement.dir = words.direction;
  translate();
  emit("language");
}

/** Load, once, what the texts and the style of the empty page leave out. */
export function needMore() {
  return (more ??= Promise.all([read(`more/${language}`), loadStyle()]).then(
    ([texts]) => Object.assign(words, texts),
    (error) => { more = null; throw error; },
  ));
}

function loadStyle() {
  const link = document.createElement("link");
  Object.assign(link, { rel: "stylesheet", href: new URL("more.css", import.meta.url) });
  document.head.append(link);
  return new Promise((resolve, reject) => Object.assign(link, { onload: resolve, onerror: reject }));
}
