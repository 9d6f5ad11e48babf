// The page of `uniultra live` in a real browser, against any running server.
//
//   LIVE_URL          the server, http://127.0.0.1:8080/ by default
//   LIVE_TOKEN        its token, if it wants one
//   LIVE_TRUTH        a module that knows where the structures are (see truth-demo.mjs, the default)
//   LIVE_STOP         shell commands that stop and start the server, for the test of reconnecting;
//   LIVE_START          start must return when the server is started, not when it ends
//   LIVE_PAUSE        shell commands that halt the server and let it go on (kill -STOP and kill -CONT), for the test
//   LIVE_RESUME         of a picture that grows old
//   LIVE_SCREENSHOTS  a folder for screenshots
//   LIVE_CHROMIUM     the browser, /usr/bin/chromium by default
//   LIVE_FOLLOW_S     how long the contour is watched, 10 by default
//   LIVE_MIN_OVERLAP  how well it must cover the truth (intersection over union), 0.5 by default

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { request } from "node:http";
import { resolve } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import * as lib from "./lib.mjs";
import { fresh, frameStill, live, open, overlap, ring, screenshots, selected, shell, shown, sleep, state, toPage, token, until } from "./lib.mjs";

const { truth } = await import(process.env.LIVE_TRUTH ? pathToFileURL(resolve(process.env.LIVE_TRUTH)) : "./truth-demo.mjs");
const FOLLOW_S = Number(process.env.LIVE_FOLLOW_S ?? 10);
const MIN_OVERLAP = Number(process.env.LIVE_MIN_OVERLAP ?? 0.5);

let browser;
before(async () => {
  browser = await lib.launch();
  if (screenshots) await mkdir(screenshots, { recursive: true });
});
after(() => browser?.close());

// One test, one page; whatever the browser complained about (a broken policy, an error in the script) fails the test.
function pageTest(name, body, options = {}) {
  test(name, { timeout: 90_000, ...options }, async () => {
    const page = await fresh(browser.context);
    try {
      await body(page);
      assert.deepEqual(page.complaints, [], "complaints of the browser");
    } finally {
      await frameStill(page, false).catch(() => {});
      await page.close();
    }
  });
}

// Where the structure `index` is on the screen, in the frame that is on the screen.
async function spot(page, index) {
  const { frame } = await shown(page);
  const there = await truth(frame, index);
  return { frame, there, at: await toPage(page, there.x, there.y) };
}

const click = async (page, index) => page.mouse.click(...(await spot(page, index)).at);
const object = async (page, id) => (await state(page)).objects.find((object) => object.id === id);

async function newObject(page, index) {
  const before = (await state(page)).objects.map(({ id }) => id);
  if (before.length) await page.keyboard.press("n");
  await click(page, index);
  const made = await until("a new object with a contour", async () => {
    const all = (await state(page)).objects;
    return all.find(({ id, contour }) => !before.includes(id) && contour.length);
  });
  await until("the new object is selected", async () => (await selected(page)) === made.id);
  return made.id;
}

async function overlapNow(page, id, index) {
  const seen = await shown(page);
  const mine = seen.objects.find((object) => object.id === id);
  return overlap(mine?.contour ?? [], await truth(seen.frame, index), seen.width, seen.height);
}

async function lastSent(page, command) {
  return until(`a ${command} was sent`, () => page.sent.findLast((message) => message.command === command));
}

// Waits until the picture on the screen is a certain frame and drawn, then counts how many points of the contour have its colour.
async function drawnShare(page, id) {
  await sleep(100);
  return page.evaluate((id) => {
    const { contour: [polygon], color } = uniultra.shown().objects.find((object) => object.id === id);
    const canvas = document.querySelector("canvas"), box = canvas.getBoundingClientRect(), sharp = canvas.width / box.width;
    const wanted = [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16));
    const close = polygon.filter(([x, y]) => {
      const [px, py] = uniultra.toPage(x, y);
      const seen = canvas.getContext("2d").getImageData(Math.floor((px - box.left) * sharp), Math.floor((py - box.top) * sharp), 1, 1).data;
      return wanted.every((value, i) => Math.abs(value - seen[i]) < 60);
    });
    return close.length / polygon.length;
  }, id);
}

pageTest("opens, shows live pictures, its mark and its figures", async (page) => {
  await live(page);
  const first = (await shown(page)).frame;
  await until("newer pictures", async () => (await shown(page)).frame > first + 5);
  assert.match(await page.locator("body").innerText(), /research use only[\s\S]*not a medical device/i);
  await until("a rate", async () => /\d/.test(await page.locator("#rate").innerText()));
  const lit = await page.evaluate(() => {
    const canvas = document.querySelector("canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let sum = 0;
    for (let i = 0; i < data.length; i += 4) sum += data[i] > 30;
    return sum / (data.length / 4);
  });
  assert.ok(lit > 0.05, `expected a picture on the canvas; ${lit} of it is lit`);
});

pageTest(`a tap outlines the moving structure and the contour follows for ${FOLLOW_S} s`, async (page) => {
  const id = await newObject(page, 0);
  const overlaps = [];
  for (const end = Date.now() + FOLLOW_S * 1000; Date.now() < end; await sleep(250)) overlaps.push(await overlapNow(page, id, 0));
  const worst = Math.min(...overlaps);
  assert.ok(worst >= MIN_OVERLAP, `the worst overlap of ${overlaps.length} is ${worst.toFixed(2)}`);
  assert.match(await page.locator("#area").innerText(), /^\d+(\.\d+)?\s+(mm²|px)$/);
});

pageTest("the tap is sent in pixels of the frame, exactly, zoomed or not", async (page) => {
  await frameStill(page, true);
  const { width, height, frame } = await shown(page);
  const box = await page.locator("canvas").boundingBox();
  // Computed here from the layout alone, not by the page.
  const scale = Math.min(box.width / width, box.height / height);
  const left = box.x + (box.width - width * scale) / 2, top = box.y + (box.height - height * scale) / 2;
  const [x, y] = [Math.round(left + 0.4 * width * scale), Math.round(top + 0.45 * height * scale)];
  const expected = { x: (x - left) / scale - 0.5, y: (y - top) / scale - 0.5 };
  await page.mouse.click(x, y);
  const plain = await lastSent(page, "point");
  assert.equal(plain.frame, frame);
  assert.equal(plain.inside, true);
  assert.ok(Math.abs(plain.x - expected.x) < 0.02 && Math.abs(plain.y - expected.y) < 0.02, `${JSON.stringify(plain)} is not ${JSON.stringify(expected)}`);
  // The wheel zooms around the pointer, so the same spot of the screen stays the same pixel.
  await page.mouse.wheel(0, -300);
  await until("zoomed in", async () => (await page.evaluate(() => uniultra.zoom())) > 1.5);
  const count = page.sent.length;
  await page.mouse.click(x, y);
  const zoomed = await until("a second point", () => page.sent.slice(count).find(({ command }) => command === "point"));
  assert.ok(Math.abs(zoomed.x - plain.x) < 0.05 && Math.abs(zoomed.y - plain.y) < 0.05, "zooming moved the tap");
  await page.mouse.click(x + 100, y);
  const aside = await until("a third point", () => page.sent.slice(count).filter(({ command }) => command === "point")[1]);
  const magnified = scale * (await page.evaluate(() => uniultra.zoom()));
  assert.ok(Math.abs(aside.x - zoomed.x - 100 / magnified) < 0.05, "100 pixels of the screen are the wrong number of pixels of the frame");
  await page.keyboard.press("0");
  await until("zoom reset", async () => (await page.evaluate(() => uniultra.zoom())) === 1);
});

pageTest("undo takes the last prompt back, by key and by button", async (page) => {
  const id = await newObject(page, 0);
  await click(page, 0);
  await until("two prompts", async () => (await object(page, id)).prompts.length === 2);
  await page.keyboard.press("Control+z");
  await until("one prompt", async () => (await object(page, id)).prompts.length === 1);
  await page.locator("#undo").click();
  await until("no prompt, no contour", async () => {
    const left = await object(page, id);
    return !left || (!left.prompts.length && !left.contour.length);
  });
});

pageTest("a second object; select by key and chip; remove", async (page) => {
  const one = await newObject(page, 0), two = await newObject(page, 1);
  assert.notEqual(one, two);
  await until("two chips", async () => (await page.locator(".chip").count()) === 2);
  await page.keyboard.press(String((await object(page, one)).label));
  await until("the first is selected", async () => (await selected(page)) === one);
  await page.locator(".chip .pick").nth(1).click();
  await until("the second is selected", async () => (await selected(page)) === two);
  await sleep(1000);
  for (const [id, index] of [[one, 0], [two, 1]]) {
    const share = await overlapNow(page, id, index);
    assert.ok(share >= MIN_OVERLAP, `object ${id} overlaps its structure by ${share.toFixed(2)}`);
  }
  await page.locator(".chip.selected .remove").click();
  await until("one object left", async () => (await state(page)).objects.length === 1);
  await until("it is selected", async () => (await selected(page)) === one);
});

pageTest("two quick taps make one object with two prompts", async (page) => {
  const { at: [x, y] } = await spot(page, 0);
  await page.mouse.click(x, y);
  await page.mouse.click(x + 3, y);
  await until("two prompts", async () => (await state(page)).objects[0]?.prompts.length === 2);
  assert.equal((await state(page)).objects.length, 1);
});

pageTest("a drag sends a box; a shaky tap stays a tap", async (page) => {
  const { frame, there } = await spot(page, 0);
  const [x0, y0, x1, y1] = there.box;
  const from = await toPage(page, x0 - 3, y0 - 3), to = await toPage(page, x1 + 3, y1 + 3);
  await page.mouse.move(...from);
  await page.mouse.down();
  await page.mouse.move((from[0] + to[0]) / 2, (from[1] + to[1]) / 2);
  await page.mouse.move(...to);
  await page.mouse.up();
  const sent = await lastSent(page, "box");
  for (const [name, value] of Object.entries({ x0: x0 - 3, y0: y0 - 3, x1: x1 + 3, y1: y1 + 3 })) {
    assert.ok(Math.abs(sent[name] - value) < 0.05, `${name} is ${sent[name]}, not ${value}`);
  }
  assert.ok(sent.frame >= frame);
  const made = await until("an object from the box", async () => (await state(page)).objects.find(({ contour, prompts }) => contour.length && prompts[0].kind === "box"));
  await sleep(500);
  assert.ok((await overlapNow(page, made.id, 0)) >= MIN_OVERLAP);
  const [x, y] = (await spot(page, 0)).at;
  const count = page.sent.length;
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + 6, y + 5);
  await page.mouse.up();
  await until("a tap", () => page.sent.slice(count).some(({ command }) => command === "point"));
  assert.ok(!page.sent.slice(count).some(({ command }) => command === "box"));
});

pageTest("outside by long press, by Alt-click and by the button", async (page) => {
  const id = await newObject(page, 0);
  await frameStill(page, true);
  const { there: { box } } = await spot(page, 0);
  const [x, y] = await toPage(page, box[2] + 6, (box[1] + box[3]) / 2);
  const outsides = async () => (await object(page, id)).prompts.filter(({ inside }) => inside === false).length;
  await page.mouse.move(x, y);
  await page.mouse.down();
  await sleep(700);
  await page.mouse.up();
  await until("the first mark outside", async () => (await outsides()) === 1);
  await page.keyboard.down("Alt");
  await page.mouse.click(x, y - 8);
  await page.keyboard.up("Alt");
  await until("the second mark outside", async () => (await outsides()) === 2);
  await page.locator("#outside").click();
  await page.mouse.click(x, y + 8);
  await until("the third mark outside", async () => (await outsides()) === 3);
  assert.equal(page.sent.filter(({ command }) => command === "point").length, 4, "each act sends one point");
});

pageTest("freeze holds the picture; a tap on it is answered at once and drawn", async (page) => {
  await frameStill(page, true);
  const { frame } = await shown(page);
  await sleep(700);
  assert.equal((await shown(page)).frame, frame, "the frame stands still");
  const id = await newObject(page, 0);
  assert.equal((await shown(page)).frame, frame);
  assert.equal((await lastSent(page, "point")).frame, frame);
  assert.ok((await overlapNow(page, id, 0)) >= MIN_OVERLAP, "the contour fits the frozen frame");
  const share = await drawnShare(page, id);
  assert.ok(share > 0.7, `${share} of the contour is on the canvas in its colour`);
  assert.equal(await lib.mode(page), "frozen", "a frozen picture is not called stale");
  await frameStill(page, false);
  await until("newer pictures", async () => (await shown(page)).frame > frame + 3);
  await sleep(500);
  assert.ok((await overlapNow(page, id, 0)) >= MIN_OVERLAP, "the contour goes on with the picture");
});

// A spot well inside of the structure in an old frame that is beside it now, as near to its old middle as can be:
// only a server that minds the frame of a prompt finds the structure with it. None if it moved too little.
function onlyThen(then, present) {
  const [x0, y0, x1, y1] = then.box;
  let best = null;
  for (let y = y0; y <= y1; y += 2) {
    for (let x = x0; x <= x1; x += 2) {
      const deep = [[-4, 0], [4, 0], [0, -4], [0, 4]].every(([dx, dy]) => then.inside(x + dx, y + dy));
      const far = Math.hypot(x - then.x, y - then.y);
      if (deep && !present.inside(x, y) && !(best?.far <= far)) best = { x, y, far };
    }
  }
  return best;
}

pageTest("review steps through the last frames; taps name the frame on show; Live returns", async (page) => {
  await until("some frames to review", async () => (await ring(page)).frames > 70, 20_000);
  const newest = (await shown(page)).frame;
  for (let i = 0; i < 60; i++) await page.keyboard.press("ArrowLeft");
  await until("an older frame", async () => (await lib.mode(page)) === "review" && (await shown(page)).frame < newest);
  await sleep(400);
  const old = (await shown(page)).frame, kept = (await ring(page)).frames;
  await sleep(700);
  assert.equal((await shown(page)).frame, old, "the frame on show stands still while the server goes on");
  assert.ok((await state(page)).frame > old + 5);
  assert.equal((await ring(page)).frames, kept, "what can be reviewed does not slip away");
  await page.keyboard.press("ArrowRight");
  const next = await until("one step on", async () => { const { frame } = await shown(page); return frame > old && frame; });
  const then = await truth(next, 0), present = await truth((await state(page)).frame, 0);
  const { x, y } = onlyThen(then, present) ?? then;
  await page.mouse.click(...(await toPage(page, x, y)));
  const sent = await lastSent(page, "point");
  assert.equal(sent.frame, next, "the tap names the frame on show");
  await page.locator("#live").click();
  await live(page);
  const made = await until("the object of the review", async () => (await state(page)).objects[0]?.contour.length && (await state(page)).objects[0]);
  await sleep(500);
  assert.ok((await overlapNow(page, made.id, 0)) >= MIN_OVERLAP, "the outline has caught up with the live picture");
  const { frames, bytes } = await ring(page);
  assert.ok(frames <= 120 && bytes <= 24e6, `${frames} frames, ${bytes} bytes`);
});

pageTest("the keyboard alone: crosshair, marks, box", async (page) => {
  await frameStill(page, true);
  await page.locator("canvas").focus();
  for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Shift+ArrowUp");
  await page.keyboard.press("Enter");
  const { width, height } = await shown(page);
  const inside = await lastSent(page, "point");
  assert.deepEqual([inside.x, inside.y, inside.inside], [Math.round(width / 2) - 3 * Math.round(width / 50), Math.round(height / 2) - 1, true]);
  await until("an object", async () => (await selected(page)) !== null);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Shift+Enter");
  await until("a mark outside", () => page.sent.some(({ command, inside }) => command === "point" && !inside));
  await page.keyboard.press("b");
  for (let i = 0; i < 5; i++) { await page.keyboard.press("ArrowDown"); await page.keyboard.press("ArrowRight"); }
  await page.keyboard.press("b");
  assert.equal((await lastSent(page, "box")).object, await selected(page));
  assert.equal(await lib.mode(page), "frozen", "the arrow keys did not step through the frames");
});

pageTest("an error of the server is shown and announced", async (page) => {
  const toast = page.locator("#toast");
  for (let i = 0; i < 9; i++) {
    await page.keyboard.press("n");
    await click(page, i % 2);
    if (i < 8) await until(`object ${i + 1}`, async () => (await state(page)).objects.length === i + 1);
  }
  await until("the error", () => toast.isVisible());
  assert.match(await toast.innerText(), /8 objects/);
  assert.equal(await toast.getAttribute("role"), "alert");
  assert.equal((await state(page)).objects.length, 8);
});

test("touch: tap, long press, pinch; screenshots of a phone and a desktop", { timeout: 60_000 }, async () => {
  const phone = await lib.launch({ viewport: { width: 390, height: 844 }, deviceScaleFactor: 3, hasTouch: true, isMobile: true });
  try {
    const page = await fresh(phone.context);
    await live(page);
    const { at } = await spot(page, 0);
    await page.touchscreen.tap(...at);
    const made = await until("an object", async () => (await state(page)).objects.find(({ contour }) => contour.length));
    const cdp = await phone.context.newCDPSession(page);
    const touch = (type, ...points) => cdp.send("Input.dispatchTouchEvent", { type, touchPoints: points.map(([x, y], id) => ({ x, y, id })) });
    const [x, y] = at;
    await touch("touchStart", [x, y]);
    await sleep(700);
    await touch("touchEnd");
    await until("a mark outside", async () => (await object(page, made.id)).prompts.some(({ inside }) => inside === false));
    await page.keyboard.press("u");
    const count = page.sent.length;
    await touch("touchStart", [x, y]);
    await touch("touchStart", [x, y], [x + 40, y]);
    for (let i = 1; i <= 8; i++) await touch("touchMove", [x - 5 * i, y], [x + 40 + 5 * i, y]);
    await sleep(200);
    const zoom = await page.evaluate(() => uniultra.zoom());
    await touch("touchEnd");
    assert.ok(Math.abs(zoom - 3) < 0.02, `fingers at three times their distance zoom by ${zoom}`);
    await sleep(700);
    assert.ok(!page.sent.slice(count).some(({ command }) => command === "point" || command === "box"), "a pinch is no tap");
    await page.locator("#unzoom").click();
    await page.locator("#unzoom").waitFor({ state: "hidden" });
    for (const button of await page.locator("button:visible").all()) {
      const { width, height } = await button.boundingBox();
      assert.ok(width >= 44 && height >= 44, `a button is ${width} by ${height}`);
    }
    const spill = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(spill[0] <= spill[1], "nothing spills over the side of a phone");
    await sleep(1000);
    if (screenshots) await page.screenshot({ path: `${screenshots}/phone.png` });
    assert.deepEqual(page.complaints, []);
  } finally {
    await phone.close();
  }
  const page = await fresh(browser.context);
  await newObject(page, 0);
  await newObject(page, 1);
  await sleep(1500);
  if (screenshots) await page.screenshot({ path: `${screenshots}/desktop.png` });
  await page.close();
});

const haltable = process.env.LIVE_PAUSE && process.env.LIVE_RESUME;
test("a picture older than a second is gray and called old", { skip: !haltable && "LIVE_PAUSE and LIVE_RESUME are not set", timeout: 60_000 }, async () => {
  const page = await fresh(browser.context);
  const filter = () => page.locator("canvas").evaluate((canvas) => getComputedStyle(canvas).filter);
  await live(page);
  assert.equal(await filter(), "none");
  await shell(process.env.LIVE_PAUSE);
  try {
    await sleep(2000);
    assert.equal(await lib.mode(page), "stale");
    assert.match(await page.locator("#banner").innerText(), /not live[\s\S]* old/i);
    assert.match(await filter(), /grayscale/);
  } finally {
    await shell(process.env.LIVE_RESUME);
  }
  await live(page);
  assert.equal(await page.locator("#banner").isVisible(), false);
  await page.close();
});

const restartable = process.env.LIVE_STOP && process.env.LIVE_START;
test("a stopped server is shown as lost, and the page returns with it", { skip: !restartable && "LIVE_STOP and LIVE_START are not set", timeout: 120_000 }, async () => {
  const page = await fresh(browser.context);
  await newObject(page, 0);
  await shell(process.env.LIVE_STOP);
  try {
    await until("the page says so", async () => (await lib.mode(page)) === "lost" && (await page.locator("#banner").innerText()).includes("No connection"));
    assert.match(await page.locator("canvas").evaluate((canvas) => getComputedStyle(canvas).filter), /grayscale/);
    if (screenshots) await page.screenshot({ path: `${screenshots}/disconnected.png` });
    await sleep(3000);
  } finally {
    await shell(process.env.LIVE_START);
  }
  await live(page, 60_000);
  await until("the objects are those of the server", async () => {
    const { objects } = await state(page);
    return (await page.locator(".chip").count()) === objects.length;
  });
  for (const { id } of (await state(page)).objects) { await page.keyboard.press("Delete"); await until("removed", async () => !(await object(page, id))); }
  await newObject(page, 0);
  await page.close();
});

test("a wrong token is refused, and the page says so", { skip: !token && "LIVE_TOKEN is not set", timeout: 30_000 }, async () => {
  for (const wrong of [`${token}x`, ""]) {
    const page = await browser.context.newPage();
    await page.goto("about:blank");
    await page.goto(lib.address(wrong || "").replace(/#token=$/, ""));
    if (!wrong) assert.equal(new URL(page.url()).hash, "");
    const words = await until("a banner about the token", async () => {
      const text = await page.locator("#banner").innerText();
      return /token/.test(text) && text;
    });
    assert.match(words, /refused/);
    assert.equal(await state(page), null, "nothing of the picture came through");
    await page.close();
  }
});

// A page elsewhere must not reach the server through the user's browser. Browsers cannot lie about their origin; this can.
function handshake(origin) {
  return new Promise((resolve, reject) => {
    const asked = request(new URL("/ws", lib.url), { headers: {
      Connection: "Upgrade", Upgrade: "websocket", Origin: origin, "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Protocol": ["uniultra.live.v1", ...(token ? [`uniultra.token.${token}`] : [])].join(", "),
    } });
    asked.on("upgrade", (response, socket) => { socket.destroy(); resolve(response.statusCode); });
    asked.on("response", (response) => { response.resume(); resolve(response.statusCode); });
    asked.on("error", reject);
    asked.end();
  });
}

test("a foreign origin is refused", async () => {
  assert.equal(await handshake(lib.url.origin), 101, "the server's own origin is let in");
  for (const origin of ["http://elsewhere.example", "null", `${lib.url.protocol}//elsewhere.example:${lib.url.port}`]) {
    assert.equal(await handshake(origin), 403, origin);
  }
});
