// The dialog that asks for the API key of a server that wants one.

import { button, byId, make } from "./dom.js";
import { t } from "./words.js";

/** What was entered, { key, keep }, or null; `problem` is the answer that refused the last key. */
export function ask(problem) {
  const key = make("input", { type: "password", id: "key", autocomplete: "off", required: true });
  const keep = make("input", { type: "checkbox", id: "keep-key" });
  const dialog = make("dialog", { id: "key-dialog", "aria-labelledby": "key-title" },
    make("form", { method: "dialog" },
      make("h2", { id: "key-title" }, t("key_title")),
      make("p", { id: "key-note", class: "error" }, problem.code === "key_invalid" ? problem.message : ""),
      make("p", {}, make("label", {}, make("span", {}, t("key")), key)),
      make("p", {}, make("label", {}, keep, make("span", {}, t("key_keep")))),
      make("p", { class: "buttons" },
        make("button", { class: "primary", value: "ok" }, t("key_use")),
        button(t("cancel"), () => dialog.close(), { id: "key-cancel" }))));
  byId("key-dialog")?.remove();
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "ok" ? { key: key.value.trim(), keep: keep.checked } : null);
    }));
}
