// The file that is made of a result, its name, and copying.

import { alert, lazy, openPart } from "./alerts.js";
import { byId, button, choice, field, make, save, toBlob } from "./dom.js";
import { fileOf } from "./queue.js";
import { fileOptions, needsWhite, on, setOption, state } from "./store.js";
import { t } from "./words.js";

const SUFFIX = { png: "png", webp: "webp", jpeg: "jpg" };
// Not allowed in names on some system, or changes how a name reads: control and direction marks.
const UNSAFE = /[\\/:*?"<>|\u0000-\u001f\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** photo.jpg becomes photo.png, or photo-mask.png for another output. */
export function fileName(name, options) {
  const stem = name.replace(/\.[^.]*$/, "").replace(UNSAFE, "_").replace(/^\.+/, "").slice(0, 150) || "image";
  const part = options.output ? `-${options.output}` : "";
  return `${stem}${part}.${SUFFIX[options.format ?? "png"]}`;
}

/** Names that differ, for any number of images: photo.png, photo-2.png. */
export function uniqueNames(names) {
  const taken = new Set();
  return names.map((name) => {
    let free = name;
    for (let index = 2; taken.has(free.toLowerCase()); index++) free = name.replace(/(\.[^.]*)$/, `-${index}$1`);
    taken.add(free.toLowerCase());
    return free;
  });
}

async function busy(control, work) {
  control.disabled = true;
  control.setAttribute("aria-busy", "true");
  try {
    await work();
  } catch (error) {
    if (error.name !== "AbortError") alert(error.message);
  } finally {
    const lost = document.activeElement === document.body;
    control.disabled = false;
    control.removeAttribute("aria-busy");
    if (lost) control.focus();
  }
}

async function download() {
  const item = state.selected;
  save(await fileOf(item), fileName(item.name, fileOptions()));
}

const downloadAll = () => lazy(() => import("./zip.js"), (it) => it.saveAll(state.items.filter((item) => item.result)));

/** The clipboard takes PNG only; the promise keeps the click's permission while it loads. */
async function copy() {
  const png = async () => {
    const blob = await fileOf(state.selected);
    if (blob.type === "image/png") return blob;
    const bitmap = await createImageBitmap(blob);
    const canvas = make("canvas", { width: bitmap.width, height: bitmap.height });
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    return toBlob(canvas);
  };
  await navigator.clipboard.write([new ClipboardItem({ "image/png": png() })]);
  byId("status").textContent = t("copied");
}

// Only in a secure context: https, or this machine.
const canCopy = () => Boolean(navigator.clipboard?.write && window.ClipboardItem);

/** Chromium saves what is dragged out of the page under this name. */
function dragOut(event) {
  const id = Number(event.target.closest?.(".card")?.dataset.id);
  const item = state.items.find((it) => it.id === id);
  if (item?.result)
    event.dataTransfer.setData("DownloadURL", `image/png:${fileName(item.name, {})}:${item.result.url}`);
}

function build() {
  const { options } = state;
  const format = choice([["png", "PNG"], ["webp", "WebP"], ["jpeg", "JPEG"]], options.format ?? "png",
    (value) => setOption("format", value === "png" ? "" : value), { id: "format" });
  const output = choice(["cutout", "mask", "trimap", "overlay"].map((name) => [name, t(`output_${name}`)]),
    options.output ?? "cutout", (value) => setOption("output", value === "cutout" ? "" : value), { id: "output" });
  const act = (id, word, work, attributes = {}) =>
    button(t(word), (event) => busy(event.target, work), { id, ...attributes });
  byId("download").replaceChildren(
    field(t("output"), output),
    field(t("format"), format),
    make("p", { id: "white-note", class: "small" }),
    make("p", { class: "buttons" },
      act("save", "download", download, { class: "primary" }),
      act("save-all", "download_all", downloadAll),
      act("preview", "preview", () => openPart(() => import("./file.js"), (it) => it.show(state.selected))),
      canCopy() ? act("copy", "copy", copy) : null),
  );
  update();
}

function update() {
  const usable = Boolean(state.selected?.result);
  for (const id of ["save", "copy", "preview"]) if (byId(id)) byId(id).disabled = !usable;
  byId("save-all").disabled = !state.items.some((item) => item.result);
  byId("save-all").hidden = state.items.length < 2;
  byId("white-note").textContent = needsWhite() ? t("jpeg_white") : "";
  for (const name of ["format", "output"])
    byId(name).value = state.options[name] ?? byId(name).options[0].value;
}

export function start() {
  build();
  byId("cards").addEventListener("dragstart", dragOut);
  for (const name of ["selected", "items", "item", "options"]) on(name, update);
  on("language", build);
}
