// The images and their requests: two at a time, each can be stopped, repeated and removed.

import { blobOf, post, removalForm } from "./api.js";
import { make, toBlob } from "./dom.js";
import { config, emit, fileOptions, matteOptions, on, select, state, usesBackgroundImage } from "./store.js";
import { fileSize, t } from "./words.js";

const AT_ONCE = 2;
const THUMB_PX = 112;
let running = 0;
let added = 0;
let thumbs = Promise.resolve();

export function add(files) {
  const items = [...files].map((file) => ({
    id: ++added, file, name: file.name.split("/").pop() || t("pasted"), state: "waiting", note: "",
    hints: {}, ready: null, strokes: [], undone: [], revision: 0, result: null, url: "", thumb: "", files: new Map(),
  }));
  state.items.push(...items);
  emit("items");
  if (!state.selected && items.length) select(items[0]);
  for (const item of items) check(item);
}

/** Refuse here what the server would refuse: large files and other types, by their content. */
async function check(item) {
  item.state = "checking";
  const head = new Uint8Array(await item.file.slice(0, 12).arrayBuffer().catch(() => new ArrayBuffer(0)));
  if (item.state !== "checking") return;
  if (!item.file.size) fail(item, t("error_empty"));
  else if (item.file.size > config.max_bytes)
    fail(item, t("error_size", { size: fileSize(item.file.size), most: fileSize(config.max_bytes) }));
  else if (!allowed(head)) fail(item, t("error_type", { types: config.formats.join(", ") }));
  else {
    change(item, "waiting");
    makeThumb(item, item.file);
    pump();
  }
}

function allowed(head) {
  const text = String.fromCharCode(...head);
  const found = text.startsWith("\xff\xd8\xff") ? "JPEG" : text.startsWith("\x89PNG") ? "PNG"
    : text.startsWith("RIFF") && text.endsWith("WEBP") ? "WEBP" : "";
  // Other types that a server may allow are recognised there.
  return config.formats.includes(found) || (!found && config.formats.some((it) => !["JPEG", "PNG", "WEBP"].includes(it)));
}

export function change(item, next, note = "") {
  Object.assign(item, { state: next, note });
  emit("item", item);
}
const fail = (item, note, language = "") => {
  item.noteLanguage = language;
  change(item, "failed", note);
};

function pump() {
  while (running < AT_ONCE) {
    const waiting = state.items.filter((item) => item.state === "waiting");
    const next = waiting.find((item) => item === state.selected) ?? waiting[0];
    if (!next) return;
    running += 1;
    work(next).finally(() => {
      running -= 1;
      pump();
      if (!running) emit("idle");
    });
  }
}

async function work(item) {
  item.abort = new AbortController();
  change(item, "working");
  const options = matteOptions();
  const { revision } = item;
  const key = keyOf(item, options);
  try {
    await item.ready?.();
    const response = await post("remove-bg", () => removalForm(item, options), {
      signal: item.abort.signal,
      onWait: (why, s) => change(item, why ? "paused" : "working", why && t(`wait_${why}`, { count: s })),
    });
    setResult(item, { ...(await readResult(response, key)), revision });
    change(item, "done");
    if (item === state.selected) refresh(item);
  } catch (error) {
    if (error.name === "AbortError") change(item, "cancelled");
    else fail(item, error.message, error.status ? "en" : "");
  }
}

/** What an answer says of its image. */
export async function readResult(response, key) {
  const header = (name) => response.headers.get(`X-Cutout-${name}`);
  const blob = await blobOf(response);
  const timing = response.headers.get("Server-Timing") ?? "";
  return {
    blob, key, url: URL.createObjectURL(blob),
    found: header("Subject-Found") !== "false",
    iou: Number(header("Predicted-Iou")),
    coverage: Number(header("Coverage")),
    uncertain: Number(header("Uncertain-Share")),
    cache: header("Cache"),
    flags: (header("Flags") ?? "").split(/,\s*/),
    warning: header("Warning") ?? "",
    ms: [...timing.matchAll(/dur=([\d.]+)/g)].reduce((sum, [, ms]) => sum + Number(ms), 0),
  };
}

export function setResult(item, result) {
  for (const old of [item.result, item.preview]) if (old) URL.revokeObjectURL(old.url);
  delete item.preview;
  item.result = result;
  makeThumb(item, result.blob);
}

/** Small images, made one after the other: decoded pixels of many would fill the memory. */
function makeThumb(item, blob) {
  thumbs = thumbs.then(async () => {
    try {
      const bitmap = await createImageBitmap(blob, { resizeWidth: THUMB_PX, resizeQuality: "medium" });
      const canvas = make("canvas", { width: bitmap.width, height: Math.min(bitmap.height, 2 * THUMB_PX) });
      canvas.getContext("2d").drawImage(bitmap, 0, 0);
      bitmap.close();
      const small = await toBlob(canvas, "image/webp");
      if (!state.items.includes(item)) return;
      URL.revokeObjectURL(item.thumb);
      item.thumb = URL.createObjectURL(small);
      emit("item", item);
    } catch {
      // No small image, then: of some types only the server can read the pixels.
    }
  });
}

/** The original's address, made when it is first looked at. */
export function originalOf(item) {
  item.url ||= URL.createObjectURL(item.file);
  return item.url;
}

const keyOf = (item, options) => JSON.stringify([options, item.revision]);

export const isCurrent = (item) => item.result?.key === keyOf(item, matteOptions());

/** The file of an image under the present settings: the very bytes that the API answers. */
export async function fileOf(item, signal) {
  const options = fileOptions();
  const image = usesBackgroundImage() ? state.backgroundImage : null;
  const key = keyOf(item, options);
  if (!image && item.result?.key === key) return item.result.blob;
  if (item.files.get(key)?.image === image) return item.files.get(key).blob;
  await item.ready?.();
  const blob = await blobOf(await post("remove-bg", () => removalForm(item, options, image), { signal }));
  // The last one only: files are large.
  item.files = new Map([[key, { image, blob }]]);
  return blob;
}

export function retry(item) {
  item.files.clear();
  change(item, "waiting");
  pump();
}

export const cancel = (item) => (item.state === "waiting" ? change(item, "cancelled") : item.abort?.abort());

export function remove(item) {
  const index = state.items.indexOf(item);
  state.items.splice(index, 1);
  if (["waiting", "checking"].includes(item.state)) item.state = "removed";
  item.abort?.abort();
  for (const url of [item.url, item.thumb, item.result?.url, item.preview?.url]) if (url) URL.revokeObjectURL(url);
  if (state.selected === item) select(state.items[Math.min(index, state.items.length - 1)] ?? null);
  emit("items");
}

/** Compute the selected image anew where its result was made with other settings. */
export function refresh(item) {
  if (item && ["done", "failed", "cancelled"].includes(item.state) && item.result && !isCurrent(item)) {
    change(item, "waiting");
    pump();
  }
}

on("options", () => refresh(state.selected));
on("selected", refresh);
