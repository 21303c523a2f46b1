// Building and finding elements. Text always becomes text nodes, never markup.

export const byId = (id) => document.getElementById(id);

/** An element; functions become listeners, `true` an empty attribute, false and null nothing. */
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

export const button = (text, click, attributes = {}) =>
  make("button", { type: "button", click, ...attributes }, text);

/** A label with its control; `code` is the name that the API gives the option. */
export const field = (text, control, code) =>
  make("label", { class: "field" }, make("span", {}, text, code ? make("code", {}, code) : null), control);

/** A select; choices: [value, text] each. */
export function choice(choices, value, change, attributes = {}) {
  const select = make("select", { change: () => change(select.value), ...attributes },
    ...choices.map(([key, text]) => make("option", { value: key }, text)));
  select.value = value;
  return select;
}

/** Files and folders of a drop, which can be read during its event only. */
export const entriesOf = (transfer) =>
  [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile()).filter(Boolean);

/** Offer a blob as a download under this name. */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = make("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  // The browser takes the blob when the download starts; a minute is long enough for that.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Width and height of an image URL, once it is decoded. */
export async function loaded(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

export const toBlob = (canvas, type = "image/png") =>
  new Promise((resolve) => canvas.toBlob(resolve, type));

/** Show a dialog with this title; Esc and its button close it, and the focus returns. */
export function openDialog(title, closeText, ...content) {
  const dialog = byId("dialog");
  const heading = make("h2", { id: "dialog-title" }, title);
  dialog.replaceChildren(heading, ...content,
    make("p", { class: "buttons" }, button(closeText, () => dialog.close())));
  dialog.showModal();
  return dialog;
}
