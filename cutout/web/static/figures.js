// Figures of the selected result, below "Details".

import { byId, make } from "./dom.js";
import { on, state } from "./store.js";
import { view } from "./viewer.js";
import { number, seconds, t } from "./words.js";

let started = false;

function paint() {
  const result = state.selected?.result;
  if (!result) return;
  const percent = (value) => number(value, { style: "percent", maximumFractionDigits: 1 });
  const rows = [
    [t("size"), view.width ? `${view.width} × ${view.height} px` : ""],
    [t("predicted_iou"), number(result.iou, { maximumFractionDigits: 3 })],
    [t("coverage"), percent(result.coverage)],
    [t("uncertain"), percent(result.uncertain)],
    [t("time"), seconds(result.ms)],
  ];
  byId("figures").querySelector("dl").replaceChildren(
    ...rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

export function start() {
  paint();
  if (started) return;
  started = true;
  on("selected", paint);
  on("item", (item) => item === state.selected && paint());
  on("language", paint);
  byId("original").addEventListener("load", paint);
}
