// The present settings as a command: curl, Python, the remove.bg form, or a link to this page.

import { button, byId, choice, field, make, openDialog } from "./dom.js";
import { fileName } from "./download.js";
import { fileOptions, state, usesBackgroundImage } from "./store.js";
import { t } from "./words.js";

const address = (path) => new URL(path, document.baseURI).href.replace(/#.*$/, "");

/** Text that a POSIX shell reads as one word. */
export const shell = (text) => `'${text.replaceAll("'", "'\\''")}'`;
// In a form field, @ would name a file.
const formField = (name, value) => `-F ${/^[\w.%-]+$/.test(value) ? `${name}=${value}` : shell(`${name}=${value}`)}`;

/** File fields beside the image: field and file name. */
function files() {
  const strokes = state.selected?.strokes ?? [];
  const hints = ["keep", "erase"].filter((name) => strokes.some(({ tool }) => tool === name));
  const found = hints.map((name) => [name, `${name}.png`]);
  return usesBackgroundImage() ? [...found, ["background_image", state.backgroundImage.name]] : found;
}

const imageName = () => state.selected?.name ?? "photo.jpg";

/** Another name than the image's own: a command would overwrite it. */
function resultName() {
  const name = fileName(imageName(), fileOptions());
  return name === imageName() ? name.replace(/(\.[^.]*)$/, "-cutout$1") : name;
}

function curl(path, imageField, fields, uploads) {
  const parts = [
    `curl -X POST ${shell(address(path))}`,
    `-F ${shell(`${imageField}=@"${imageName().replaceAll(/["\\]/g, "\\$&")}"`)}`,
    ...fields.map(([name, value]) => formField(name, value)),
    ...uploads.map(([name, file]) => `-F ${shell(`${name}=@"${file}"`)}`),
    `-o ${shell(resultName())}`,
  ];
  return parts.join(" \\\n  ");
}

function python() {
  const text = (value) => JSON.stringify(value);
  const opened = [["image", imageName()], ...files()].map(([name, file]) => `        ${text(name)}: open(${text(file)}, "rb"),`);
  const data = Object.entries(fileOptions()).map(([name, value]) => `        ${text(name)}: ${text(value)},`);
  return ["import requests", "", "response = requests.post(", `    ${text(address("remove-bg"))},`,
    "    files={", ...opened, "    },", "    data={", ...data, "    },", ")", "response.raise_for_status()",
    `open(${text(resultName())}, "wb").write(response.content)`].join("\n");
}

// What the remove.bg form calls our options; others it does not have.
const REMOVE_BG = {
  background: (value) => ["bg_color", value],
  crop: () => ["crop", "true"],
  crop_margin: (value) => ["crop_margin", value],
  scale: (value) => ["scale", value],
  position: (value) => ["position", value],
  shadow: () => ["shadow_type", "drop"],
  format: (value) => ["format", value === "jpeg" ? "jpg" : value],
  output: (value) => (value === "mask" ? ["channels", "alpha"] : null),
};

function removeBg() {
  const fields = [["size", "full"]];
  const missing = [];
  // Without a format that API answers JPEG where a background is given.
  for (const [name, value] of Object.entries({ format: "png", ...fileOptions() })) {
    const known = (name !== "background" || value !== "blur") && REMOVE_BG[name]?.(value);
    if (known) fields.push(known);
    else missing.push(name);
  }
  const uploads = files().filter(([name]) => name === "background_image").map(([, file]) => ["bg_image_file", file]);
  missing.push(...files().map(([name]) => name).filter((name) => name !== "background_image"));
  const note = missing.length ? `# ${t("not_in_removebg", { names: missing.join(", ") })}\n` : "";
  return note + curl("v1.0/removebg", "image_file", fields, uploads);
}

const FORMS = {
  curl: () => curl("remove-bg", "image", Object.entries(fileOptions()), files()),
  python,
  removebg: removeBg,
  link: () => address(location.href) + (location.hash || ""),
};

export function show() {
  const code = make("code", { id: "command" });
  const paint = (name) => (code.textContent = FORMS[name]());
  const forms = choice(Object.keys(FORMS).map((name) => [name, t(`form_${name}`)]), "curl", paint, { id: "command-form" });
  const copied = make("span", { role: "status", class: "small" });
  const copy = async () => {
    await navigator.clipboard.writeText(code.textContent);
    copied.textContent = t("copied");
  };
  paint("curl");
  openDialog(t("commands"), t("close"), field(t("form"), forms), make("pre", { tabindex: 0, "aria-labelledby": "dialog-title" }, code),
    // On plain http in a LAN there is no clipboard; the text can be selected.
    navigator.clipboard ? make("p", { class: "buttons" }, button(t("copy"), copy, { id: "copy-command" }), copied) : null,
    make("p", { class: "small" }, t("link_note")));
  byId("command-form").focus();
}
