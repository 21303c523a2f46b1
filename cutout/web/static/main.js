// Starts the page: what comes in (files, drops, pastes, examples) and which view is shown.

import { alert, lazy, openPart } from "./alerts.js";
import { byId, entriesOf, make } from "./dom.js";
import { config, on, readLink } from "./store.js";
import { fileSize, number, preferred, t, use } from "./words.js";

const add = (files) => {
  const chosen = [...files];
  return chosen.length && lazy(() => import("./work.js"), (work) => work.take(chosen));
};

// What each language calls itself.
const nameOf = (code) => new Intl.DisplayNames(code, { type: "language" }).of(code);

async function chooseLanguage() {
  const code = preferred();
  byId("language").replaceChildren(...config.languages.map((it) => make("option", { value: it, lang: it }, nameOf(it))));
  byId("language").value = code;
  byId("language").addEventListener("change", () => use(byId("language").value));
  await use(code).catch(() => code !== "en" && use("en"));
}

function chooseFiles() {
  for (const id of ["files", "folder", "more"])
    byId(id).addEventListener("change", (event) => {
      add(event.target.files);
      event.target.value = "";
    });
  for (const example of document.querySelectorAll(".example"))
    example.addEventListener("click", async () => {
      const blob = await (await fetch(example.dataset.src)).blob();
      add([new File([blob], example.dataset.src.split("/").pop(), { type: blob.type })]);
    });
  addEventListener("paste", (event) => {
    const files = event.clipboardData?.files ?? [];
    if (!files.length || view() !== "remove") return;
    event.preventDefault();
    add(files);
  });
}

function dropFiles() {
  let depth = 0;
  const show = (shown) => (byId("dropping").hidden = !shown);
  const mine = (event) => !document.querySelector("dialog[open]") && event.dataTransfer;
  addEventListener("dragenter", (event) => mine(event) && show(++depth > 0));
  addEventListener("dragleave", () => (depth = Math.max(0, depth - 1)) || show(false));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    show(false);
    if (!mine(event)) return;
    const entries = entriesOf(event.dataTransfer);
    if (!entries.length) alert(t("error_no_file"));
    else if (view() === "evaluate") openPart(() => import("./evaluate.js"), (it) => it.takeEntries(entries));
    else lazy(() => import("./drop.js"), async (it) => add(await it.filesIn(entries)));
  });
}

const view = () => (byId("remove").hidden ? "evaluate" : "remove");

function switchViews() {
  const show = (name) => {
    for (const it of ["remove", "evaluate"]) {
      byId(it).hidden = it !== name;
      byId(`show-${it}`).toggleAttribute("aria-current", false);
    }
    byId(`show-${name}`).setAttribute("aria-current", "page");
  };
  byId("show-remove").addEventListener("click", () => show("remove"));
  byId("show-evaluate").addEventListener("click", () =>
    openPart(() => import("./evaluate.js"), (module) => {
      module.start();
      show("evaluate");
    }));
}

function tellLimits() {
  byId("limits").textContent = t("limits", {
    types: config.formats.join(", "),
    size: fileSize(config.max_bytes),
    pixels: number(config.max_pixels / 1e6, { maximumFractionDigits: 0 }),
  });
}

async function start() {
  readLink();
  await chooseLanguage();
  chooseFiles();
  dropFiles();
  switchViews();
  tellLimits();
  on("language", tellLimits);
  addEventListener("hashchange", readLink);
  for (const id of ["views", "remove"]) byId(id).hidden = false;
  document.querySelector(".language").hidden = false;
  document.documentElement.dataset.ready = "true";
}

start();
