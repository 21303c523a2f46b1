// What lies behind the subject, shown at once: the cut-out's alpha makes CSS do the mixing.

import { alert } from "./alerts.js";
import { byId, field, make } from "./dom.js";
import { originalOf } from "./queue.js";
import { on, setBackground, state } from "./store.js";
import { t } from "./words.js";

const COLOURS = ["white", "black", "lightgrey"];
// The server's own: a Gaussian of this share of the diagonal.
const BLUR_SHARE = 0.02;
const HEX = /^#?([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})$/i;
let imageUrl = "";
let lastColour = "#2a6fdb";

/** The choice that is active: none, blur, image, one of the named colours, or colour. */
function active() {
  if (state.backgroundImage) return "image";
  const value = state.options.background ?? "";
  if (!value || value === "transparent") return "none";
  return value === "blur" || COLOURS.includes(value) ? value : "colour";
}

/** A colour as CSS reads it: the API takes hex digits without # too. */
const css = (value) => (HEX.test(value) ? `#${value.match(HEX)[1]}` : value);

function asColour(value) {
  const text = css(value);
  return CSS.supports("color", text) ? text : "";
}

function chooseImage(file) {
  if (!file) return;
  if (!file.type.startsWith("image/")) return alert(t("error_background", { name: file.name }));
  setBackground("", file);
}

function choose(value) {
  if (value === "none") setBackground("");
  else if (value === "colour") setBackground(lastColour);
  else if (value === "image") byId("background-file").click();
  else setBackground(value);
}

function swatch(value) {
  const radio = make("input", {
    type: "radio", name: "background", value, checked: active() === value, change: () => choose(value),
    // A file is asked for again only by a click on the choice that is active already.
    click: () => value === "image" && active() === "image" && choose(value),
  });
  return make("label", { class: "swatch" }, radio,
    make("span", { class: `sample sample-${value}`, "aria-hidden": "true" }), make("span", {}, t(`background_${value}`)));
}

function build() {
  const names = ["none", ...COLOURS, "colour", "blur", "image"];
  const colour = make("input", { type: "color", id: "colour", value: lastColour, input: () => setColour(colour.value) });
  const text = make("input", { type: "text", id: "colour-text", size: 9, spellcheck: "false", autocomplete: "off",
    change: () => setColour(text.value), "aria-describedby": "colour-error" });
  byId("backgrounds").replaceChildren(
    make("fieldset", { class: "swatches" }, make("legend", { class: "hidden" }, t("background")), ...names.map(swatch)),
    make("div", { id: "colour-fields", class: "row" }, field(t("colour"), colour), field(t("colour_text"), text)),
    make("p", { id: "colour-error", class: "error", role: "alert" }),
    make("input", { type: "file", id: "background-file", accept: "image/*", hidden: true,
      change: () => chooseImage(byId("background-file").files[0]), cancel: paint }),
    make("p", { id: "background-note", class: "small" }),
  );
  paint();
}

function setColour(value) {
  const colour = asColour(value.trim());
  byId("colour-error").textContent = colour ? "" : t("error_colour");
  if (colour) setBackground(value.trim());
}

function paint() {
  const now = active();
  for (const radio of document.querySelectorAll("[name=background][type=radio]")) radio.checked = radio.value === now;
  byId("colour-fields").hidden = now !== "colour";
  if (now === "colour") {
    byId("colour-text").value = state.options.background;
    const short = css(state.options.background);
    if (/^#[0-9a-f]{6}$/i.test(short)) lastColour = byId("colour").value = short;
  }
  byId("background-note").textContent = now === "blur" ? t("blur_note") : "";
  paintBack(now);
}

function paintBack(now) {
  const style = byId("back").style;
  byId("back").dataset.kind = now;
  style.backgroundColor = ["none", "blur", "image"].includes(now) ? "" : asColour(state.options.background);
  URL.revokeObjectURL(imageUrl);
  imageUrl = state.backgroundImage ? URL.createObjectURL(state.backgroundImage) : "";
  style.backgroundImage = imageUrl ? `url("${imageUrl}")` : "";
  const blur = byId("blur");
  blur.hidden = now !== "blur" || !state.selected?.result;
  if (!blur.hidden) blur.src = originalOf(state.selected);
}

/** The blur of the preview has the size that the server's has, at the present magnification. */
function sizeBlur() {
  const { offsetWidth, offsetHeight } = byId("result");
  byId("blur").style.filter = `blur(${BLUR_SHARE * Math.hypot(offsetWidth, offsetHeight)}px)`;
}

export function start() {
  build();
  on("options", (name) => ["background", ""].includes(name) && paint());
  for (const name of ["selected", "item"]) on(name, (item) => item === state.selected && paintBack(active()));
  byId("stage").addEventListener("place", sizeBlur);
  on("language", build);
}
