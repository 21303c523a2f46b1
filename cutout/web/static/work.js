// The view of images and results, loaded with the first image.

import { openPart } from "./alerts.js";
import * as cards from "./cards.js";
import { byId } from "./dom.js";
import { add } from "./queue.js";
import { on, state } from "./store.js";
import * as viewer from "./viewer.js";

const BUSY = ["checking", "waiting", "working", "paused"];
let started = false;

const whenOpened = (id, load, run) =>
  byId(id).addEventListener("toggle", () => byId(id).open && openPart(load, run));

function start() {
  started = true;
  on("items", () => {
    byId("start").hidden = state.items.length > 0;
    byId("work").hidden = !state.items.length;
  });
  for (const part of [cards, viewer]) part.start();
  openPart(() => import("./tools.js"), (it) => it.start());
  byId("commands").addEventListener("click", () => openPart(() => import("./commands.js"), (it) => it.show()));
  byId("touch-up").addEventListener("click", () => openPart(() => import("./touchup.js"), (it) => it.toggle()));
  whenOpened("advanced", () => import("./options.js"), (it) => it.start());
  whenOpened("figures", () => import("./figures.js"), (it) => it.start());
  // Settings that came with a link are not hidden.
  byId("advanced").open = Object.keys(state.options).some((name) => !["background", "format", "output"].includes(name));
  addEventListener("beforeunload", (event) => {
    if (state.items.some((item) => BUSY.includes(item.state))) event.preventDefault();
  });
}

export function take(files) {
  if (!started) start();
  add(files);
}
