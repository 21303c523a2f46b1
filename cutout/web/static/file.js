// The file as it will be saved, where the live view cannot show it.

import { button, loaded, make, openDialog, save } from "./dom.js";
import { fileName } from "./download.js";
import { fileOf } from "./queue.js";
import { fileOptions } from "./store.js";
import { fileSize, t } from "./words.js";

export async function show(item) {
  const blob = await fileOf(item);
  const url = URL.createObjectURL(blob);
  const image = await loaded(url);
  image.alt = t("alt_file", { name: item.name });
  const name = fileName(item.name, fileOptions());
  const size = `${image.naturalWidth} × ${image.naturalHeight} px, ${fileSize(blob.size)}`;
  const dialog = openDialog(name, t("close"), make("div", { class: "file-view" }, image),
    make("p", {}, size), make("p", { class: "buttons" },
      button(t("download"), () => save(blob, name), { class: "primary" })));
  dialog.addEventListener("close", () => URL.revokeObjectURL(url), { once: true });
}
