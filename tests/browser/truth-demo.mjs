// Where the demo's cyst is on each frame of `uniultra live`: its exact masks, played forwards and backwards. There is
// one structure, so the second of the tests is the same.
//
// Another server needs another such file, named by LIVE_TRUTH: a module whose `truth(frame, index)` gives, for the
// structure number `index` (0 or 1) in a frame, a point well inside of it (x, y), its box [x0, y0, x1, y1] and
// inside(x, y), all in pixels of the frame. `fromMask` makes this of a mask.

import { readFile } from "node:fs/promises";
import { fromMask } from "./from-mask.mjs";

const file = process.env.LIVE_MASKS ?? new URL("../../runtime/node/demo/masks.json", import.meta.url);
const { width, height, masks } = JSON.parse(await readFile(file, "utf8"));

const truths = masks.map((runs) => {
  const pixels = new Uint8Array(width * height);
  // Run lengths row by row, background first.
  let at = 0;
  runs.forEach((length, i) => pixels.fill(i % 2, at, (at += length)));
  return fromMask({ width, height, pixels, value: 1 });
});

export function truth(frame) {
  const last = truths.length - 1, place = frame % (2 * last);
  return truths[place > last ? 2 * last - place : place];
}
