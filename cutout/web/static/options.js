// Crop, size and edges: the API's options under their own names, only those that the server has.

import { byId, choice, field, make } from "./dom.js";
import { config, on, setOption, state } from "./store.js";
import { t } from "./words.js";

// A name, and how it is set: a list of choices (the first is the default), a number or a text.
const FIELDS = [
  ["crop", "flag"],
  ["crop_margin", { type: "text", placeholder: "10%", size: 8 }],
  ["max_size", { type: "number", min: 1, max: 50000, placeholder: "2000" }],
  ["canvas", { type: "text", placeholder: "2000x2000", size: 10 }],
  ["scale", { type: "text", placeholder: "80%", size: 8 }],
  ["position", { type: "text", placeholder: "50% 50%", size: 10 }],
  ["shadow", ["off", "drop"]],
  ["quality", ["standard", "best"]],
  ["edges", ["auto", "snap", "off"]],
  ["matting", ["off", "closed-form", "knn"]],
  ["threshold", { type: "number", min: 0, max: 1, step: 0.05, placeholder: "0.5" }],
  ["feather", { type: "number", min: 0, max: 100, step: 0.5 }],
  ["smooth", { type: "number", min: 0, max: 50, step: 0.5 }],
  ["drop_specks", "flag"],
  ["fill_holes", "flag"],
];

function control(name, kind) {
  const value = state.options[name] ?? "";
  const id = `option-${name}`;
  if (kind === "flag")
    return make("input", { type: "checkbox", id, checked: value === "on", change: (event) => setOption(name, event.target.checked ? "on" : "") });
  if (Array.isArray(kind))
    return choice(kind.map((word) => [word, t(`choice_${word}`)]), value || kind[0],
      (chosen) => setOption(name, chosen === kind[0] ? "" : chosen), { id });
  const input = make("input", { ...kind, id, value, change: () => input.reportValidity() && setOption(name, input.value.trim()) });
  return input;
}

function build() {
  const known = FIELDS.filter(([name]) => config.options.includes(name));
  byId("fields").replaceChildren(
    ...known.map(([name, kind]) => field(t(`option_${name}`), control(name, kind), name)),
    make("p", { class: "small" }, t("file_only")),
  );
  paint();
}

function paint() {
  const margin = byId("option-crop_margin");
  if (margin) margin.disabled = !state.options.crop;
}

let started = false;

export function start() {
  if (started) return;
  started = true;
  build();
  on("options", (name) => (name ? paint() : build()));
  on("language", build);
}
