// Messages that must not be missed; errors of one image stand on its card instead.

import { byId, make } from "./dom.js";
import { needMore, t } from "./words.js";

export function alert(text) {
  const close = make("button", { type: "button", click: () => note.remove() }, t("close"));
  const note = make("div", { class: "alert" }, make("p", {}, text), close);
  byId("alerts").replaceChildren(note);
}

/** Run what a module gives, once it is loaded. */
export async function lazy(load, run) {
  let module;
  try {
    module = await load();
  } catch {
    // The address holds the version: after an update of the server the old one is gone.
    return alert(t("error_module"));
  }
  return run(module);
}

/** The same for a part that has texts and style of its own. */
export const openPart = (load, run) =>
  lazy(async () => (await Promise.all([load(), needMore()]))[0], run);
