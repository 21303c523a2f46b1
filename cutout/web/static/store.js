// What the page knows, in one place; views listen to its events.

/** Limits and options of the server, written into the page. */
export const config = JSON.parse(document.querySelector("meta[name=cutout]").content);

// options: what differs from the server's defaults, under the API's own names, as text.
export const state = { items: [], selected: null, options: {}, backgroundImage: null, order: "doubt" };

const events = new EventTarget();
export const emit = (name, detail) => events.dispatchEvent(new CustomEvent(name, { detail }));
export const on = (name, listener) => events.addEventListener(name, (event) => listener(event.detail));

// Options that change the matte; the others only change the file that is made from it.
const MATTE = new Set([
  "quality", "input_size", "fit", "edges", "threshold", "softness", "drop_specks", "fill_holes",
  "smooth", "enhance_edges", "feather", "matting", "matting_iterations", "decontaminate",
]);
// Options without effect unless another one is set; the server would refuse them.
const NEEDS = {
  crop_margin: (o) => o.crop,
  softness: (o) => o.threshold,
  matting_iterations: (o) => o.matting,
  background: (o) => !o.output,
  shadow: (o) => !o.output,
  ...Object.fromEntries(["offset", "blur", "opacity"].map((it) => [`shadow_${it}`, (o) => o.shadow && !o.output])),
};

export function setOption(name, value) {
  if (value === "" || value == null) delete state.options[name];
  else state.options[name] = value;
  writeLink();
  emit("options", name);
}

export function setBackground(value, image = null) {
  state.backgroundImage = image;
  setOption("background", image ? "" : value);
}

const only = (test) => Object.fromEntries(Object.entries(state.options).filter(test));

export const matteOptions = () => only(([name]) => MATTE.has(name) && effective(name));
const effective = (name) => !NEEDS[name] || NEEDS[name](state.options);

/** Options of the file to download. JPEG has no transparency: it gets white where nothing is set. */
export function fileOptions() {
  const options = only(([name]) => effective(name));
  if (needsWhite()) options.background = "white";
  return options;
}

export const needsWhite = () =>
  state.options.format === "jpeg" && !state.options.output && !state.options.background &&
  !state.backgroundImage;

export const usesBackgroundImage = () => state.backgroundImage && !state.options.output;

// Settings can be passed on as a link: #background=white&crop=on&crop_margin=10%25
export function readLink() {
  const given = new URLSearchParams(location.hash.slice(1));
  state.options = Object.fromEntries(
    [...given].filter(([name, value]) => config.options.includes(name) && value && value.length < 60),
  );
  emit("options", "");
}

function writeLink() {
  const hash = String(new URLSearchParams(state.options));
  history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
}

export function select(item) {
  if (state.selected === item) return;
  state.selected = item;
  emit("selected", item);
}
