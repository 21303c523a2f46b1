// Requests to the service that this page came from.

import { openPart } from "./alerts.js";
import { t } from "./words.js";

// The tab's storage may be forbidden; the key then lasts as long as the page.
const storage = (() => { try { return window.sessionStorage; } catch { return null; } })();
let apiKey = storage?.getItem("cutout-key") ?? "";
let asking = null;

/** An answer that is an error: the server's own sentence, its status and code word. */
export class Problem extends Error {
  constructor(text, status = 0, code = "") {
    super(text);
    Object.assign(this, { status, code });
  }
}

/** POST a form made by `fill()`; waits where the server says so, and tells it by `onWait`. */
export async function post(path, fill, { signal, onWait = () => {} } = {}) {
  for (;;) {
    await online(signal, onWait);
    const response = await send(path, fill(), signal);
    if (response.ok) return response;
    const wait = Number(response.headers.get("Retry-After"));
    if ([429, 503].includes(response.status) && wait > 0) {
      onWait("busy", wait);
      await sleep(wait * 1000, signal);
    } else if (["key_required", "key_invalid"].includes((await problemOf(response)).code)) {
      await askKey(await problemOf(response));
    } else throw await problemOf(response);
    onWait("", 0);
  }
}

async function send(path, body, signal) {
  const headers = apiKey ? { "X-API-Key": apiKey } : {};
  try {
    return await fetch(path, { method: "POST", body, headers, signal, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(t("error_connection"));
  }
}

const problems = new WeakMap();

async function problemOf(response) {
  if (!problems.has(response)) problems.set(response, await readProblem(response));
  return problems.get(response);
}

async function readProblem(response) {
  try {
    const { detail, code } = await response.json();
    return new Problem(detail, response.status, code);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    const known = response.status === 413 ? "error_too_large" : "error_status";
    return new Problem(t(known, { status: response.status }), response.status);
  }
}

/** The bytes of an answer; a connection that is cut in the middle is a Problem. */
export async function blobOf(response) {
  try {
    return await response.blob();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(t("error_connection"));
  }
}

function sleep(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

async function online(signal, onWait) {
  while (!navigator.onLine) {
    onWait("offline", 0);
    await new Promise((resolve, reject) => {
      addEventListener("online", resolve, { once: true });
      signal?.addEventListener("abort", () => reject(signal.reason));
    });
    onWait("", 0);
  }
}

/** Ask for the key once, however many requests were refused. */
function askKey(problem) {
  asking ??= openPart(() => import("./key.js"), (it) => it.ask(problem))
    .then((given) => {
      if (!given) throw problem;
      apiKey = given.key;
      if (given.keep) storage?.setItem("cutout-key", apiKey);
    })
    .finally(() => (asking = null));
  return asking;
}

/** Form fields of one removal; hints and background come as files. */
export function removalForm(item, options, backgroundImage) {
  const form = new FormData();
  form.append("image", item.file, item.name);
  for (const [name, value] of Object.entries(options)) form.append(name, value);
  for (const [name, mask] of Object.entries(item.hints)) form.append(name, mask, `${name}.png`);
  if (backgroundImage) form.append("background_image", backgroundImage, "background");
  return form;
}
