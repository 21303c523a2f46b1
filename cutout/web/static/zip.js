// All results as ZIP files, made here from the API's answers.

import { byId, save } from "./dom.js";
import { fileName, uniqueNames } from "./download.js";
import { fileOf } from "./queue.js";
import { fileOptions } from "./store.js";
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
