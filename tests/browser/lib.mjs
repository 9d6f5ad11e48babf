// What the tests of the page share: the server's address, the browser, and small ways to look and to act.

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

export const url = new URL(process.env.LIVE_URL ?? "http://127.0.0.1:8080/");
export const token = process.env.LIVE_TOKEN ?? "";
export const screenshots = process.env.LIVE_SCREENSHOTS ?? "";

export const address = (secret = token) => url.origin + "/" + (secret ? `#token=${secret}` : "");
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Nothing the browser does by itself may reach the network or find an older session.
export async function launch(options = {}) {
  const folder = await mkdtemp(join(tmpdir(), "uniultra-live-browser-"));
  const context = await chromium.launchPersistentContext(folder, {
    executablePath: process.env.LIVE_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-gpu"],
    viewport: { width: 1280, height: 800 },
    ...options,
  });
  return { context, close: async () => { await context.close(); await rm(folder, { recursive: true, force: true }); } };
}

export async function shell(command) {
  await promisify(execFile)("/bin/sh", ["-c", command]);
}

// Opens the page and keeps what it sends and what the browser complains about.
export async function open(context, secret = token) {
  const page = await context.newPage();
  page.sent = [];
  page.complaints = [];
  page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => page.sent.push(JSON.parse(payload))));
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (message) => { if (message.type() === "error") page.complaints.push(message.text()); });
  await page.goto(address(secret));
  return page;
}

export const state = (page) => page.evaluate(() => uniultra.state());
export const shown = (page) => page.evaluate(() => uniultra.shown());
export const selected = (page) => page.evaluate(() => uniultra.selected());
export const mode = (page) => page.evaluate(() => uniultra.mode());
export const ring = (page) => page.evaluate(() => uniultra.ring());
export const toPage = (page, x, y) => page.evaluate(([x, y]) => uniultra.toPage(x, y), [x, y]);

// Waits until `look`, called here, gives something true; `what` says what was waited for.
export async function until(what, look, ms = 10_000) {
  const end = Date.now() + ms;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`waited ${ms} ms in vain: ${what}`);
    await sleep(40);
  }
}

export const live = (page, ms) => until("a live picture", async () => (await mode(page)) === "live", ms);

export async function frameStill(page, on) {
  if ((await state(page)).frozen !== on) await page.keyboard.press("Space");
  await until(on ? "frozen" : "live", async () => (await mode(page)) === (on ? "frozen" : "live"));
  // The last frame before the freeze may still be in the decoder.
  if (on) await until("the frozen frame on show", () => page.evaluate(() => uniultra.shown().frame === uniultra.state().frame));
}

// An empty start for each test: no objects, not frozen, live.
export async function fresh(context) {
  const page = await open(context);
  await until("a first state", () => state(page));
  await frameStill(page, false);
  for (;;) {
    const objects = (await state(page)).objects;
    if (!objects.length) break;
    await page.keyboard.press("Delete");
    await until("one object less", async () => (await state(page)).objects.length < objects.length);
  }
  page.sent.length = 0;
  return page;
}

// How well a contour and the truth overlap: their intersection over their union, on every second pixel.
export function overlap(contour, truth, width, height) {
  let both = 0, either = 0;
  for (let y = 0; y < height; y += 2) {
    for (let x = 0; x < width; x += 2) {
      const a = inPolygons(contour, x, y), b = truth.inside(x, y);
      both += a && b;
      either += a || b;
    }
  }
  return either ? both / either : 0;
}

function inPolygons(polygons, x, y) {
  let odd = false;
  for (const polygon of polygons) {
    for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
      const [xi, yi] = polygon[i], [xj, yj] = polygon[j];
      if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) odd = !odd;
    }
  }
  return odd;
}
