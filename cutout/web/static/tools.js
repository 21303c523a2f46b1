// The tools beside a result: loaded while the first image is computed.

import * as background from "./background.js";
import * as download from "./download.js";
import * as zoom from "./zoom.js";

export function start() {
  for (const part of [zoom, background, download]) part.start();
}
