// ZIP files, made here from the API's answers: all results, or a pair for training.

import { blobOf, post, removalForm } from "./api.js";
import { byId, save } from "./dom.js";
import { fileName, uniqueNames } from "./download.js";
import { fileOf } from "./queue.js";
import { fileOptions, matteOptions } from "./store.js";
import { downloadZip } from "./vendor/client-zip.js";
import { number, t } from "./words.js";

// Some programs open no larger archive.
const MAX_BYTES = 1e9;

export async function saveAll(items) {
  const names = uniqueNames(items.map((item) => fileName(item.name, fileOptions())));
  const parts = [[]];
  let bytes = 0;
  for (const [index, item] of items.entries()) {
    byId("status").textContent = t("packing", { done: number(index + 1), all: number(items.length) });
    const input = await fileOf(item);
    if (bytes && bytes + input.size > MAX_BYTES) {
      parts.push([]);
      bytes = 0;
    }
    bytes += input.size;
    parts.at(-1).push({ name: names[index], input, lastModified: new Date() });
  }
  for (const [index, files] of parts.entries()) {
    const blob = await downloadZip(files).blob();
    save(blob, parts.length > 1 ? `cutout-${index + 1}.zip` : "cutout.zip");
  }
}

/** Image and corrected mask under one stem, as the training command reads them. */
export async function savePair(item) {
  await item.ready?.();
  const options = { ...matteOptions(), output: "mask" };
  const mask = await blobOf(await post("remove-bg", () => removalForm(item, options)));
  const stem = fileName(item.name, {}).replace(/\.png$/, "");
  const suffix = { "image/png": "png", "image/webp": "webp" }[item.file.type] ?? "jpg";
  const files = [
    { name: `image/${stem}.${suffix}`, input: item.file },
    { name: `mask/${stem}.png`, input: mask, lastModified: new Date() },
  ];
  save(await downloadZip(files).blob(), `${stem}-pair.zip`);
}
