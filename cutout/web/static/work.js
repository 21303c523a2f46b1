// The view of images and results, loaded with the first image.

import { lazy } from "./alerts.js";
import * as background from "./background.js";
import * as cards from "./cards.js";
import { byId } from "./dom.js";
import * as download from "./download.js";
import * as options from "./options.js";
import { add } from "./queue.js";
import { on, state } from "./store.js";
import * as viewer from "./viewer.js";

const BUSY = ["checking", "waiting", "working", "paused"];
let started = false;

function start() {
  started = true;
  on("items", () => {
    byId("start").hidden = state.items.length > 0;
    byId("work").hidden = !state.items.length;
  });
  for (const part of [cards, viewer, background, download, options]) part.start();
  byId("commands").addEventListener("click", () => lazy(() => import("./commands.js"), (it) => it.show()));
  byId("touch-up").addEventListener("click", () => lazy(() => import("./touchup.js"), (it) => it.toggle()));
  addEventListener("beforeunload", (event) => {
    if (state.items.some((item) => BUSY.includes(item.state))) event.preventDefault();
  });
}

export function take(files) {
  if (!started) start();
  add(files);
}
