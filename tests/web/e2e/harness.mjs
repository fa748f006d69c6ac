// A real headless Chromium for the page: launch, open, and, if wanted, an emulated headset.
//
// Needs `npm ci` in tests/web. Everything runs on a CPU: WebGL through SwiftShader, WebXR through
// the Immersive Web Emulator Runtime.

import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mkdtemp, readFile } from "node:fs/promises";
import puppeteer from "puppeteer-core";

// The package looks at this when it is imported, and unpacks its own libraries only then.
process.env.AWS_EXECUTION_ENV ??= "AWS_Lambda_nodejs22.x";
const { default: chromium } = await import("@sparticuz/chromium");

const GRAPHICS = [
  "--no-sandbox",
  "--use-gl=angle",
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
  // The browser's own navigator.xr would win over the emulated one.
  "--disable-blink-features=WebXR",
];
const IWER = createRequire(import.meta.url).resolve("iwer/build/iwer.min.js");

/** Said because its own WebXR is switched off. */
const EXPECTED = /xr-spatial-tracking/;

/** The package's flags, made for one page in a tiny machine; here each page gets a process. */
function ownArguments() {
  const unwanted = ["--single-process", "--no-zygote", "--in-process-gpu", "--disable-web-security"];
  return chromium.args.filter((flag) => !unwanted.includes(flag));
}

/** Start the browser, with `more` flags; close it with `browser.close()`. */
export async function launch(more = []) {
  chromium.setGraphicsMode = true;
  const executablePath = await chromium.executablePath();
  const home = await mkdtemp(join(tmpdir(), "stereocast-browser-"));
  const libraries = join(tmpdir(), "al2023", "lib");
  const env = { ...process.env, LD_LIBRARY_PATH: libraries, HOME: home };
  return puppeteer.launch({
    args: [...ownArguments(), ...GRAPHICS, ...more],
    executablePath,
    headless: "shell",
    env,
    protocolTimeout: 300_000,
  });
}

/**
 * Open the page; resolves once a first picture was drawn, unless `wait` is false.
 *
 * without: the name of something that this browser is not to have. headset: true puts an emulated Meta Quest 3 into the page before its own code runs, as
 * window.device. Errors of the page are collected in `page.errors`.
 */
export async function openPage(browser, url, { width = 1280, height = 800, headset = false, wait = true, scale = 1, touch = false, without = null } = {}) {
  const page = await browser.newPage();
  page.errors = [];
  page.on("pageerror", (error) => page.errors.push(String(error)));
  page.on("console", (message) => {
    if (["error", "warn"].includes(message.type()) && !EXPECTED.test(message.text())) {
      page.errors.push(message.text());
    }
  });
  await page.setViewport({ width, height, deviceScaleFactor: scale, hasTouch: touch, isMobile: touch });
  if (without) await page.evaluateOnNewDocument((name) => delete window[name], without);
  if (headset) {
    await page.evaluateOnNewDocument(await readFile(IWER, "utf8"));
    await page.evaluateOnNewDocument(() => {
      const device = new window.IWER.XRDevice(window.IWER.metaQuest3);
      device.installRuntime();
      device.stereoEnabled = true;
      window.device = device;
    });
  }
  await page.goto(url, { waitUntil: "load", timeout: 60_000 });
  if (wait) {
    const hasPicture = () => (window.stereocast?.lastFrame()?.shownMs ?? null) !== null;
    await page.waitForFunction(hasPicture, { timeout: 60_000 });
  }
  return page;
}

/** Enter VR as a person does, and wait until the headset has drawn. */
export async function enterHeadset(page) {
  await page.click("#enter-vr");
  await page.waitForFunction(() => window.stereocast.state().headset.isOn, { timeout: 60_000 });
  await page.evaluate(
    () =>
      new Promise((resolve) => {
        const stop = window.stereocast.onDraw(({ where, views }) => {
          if (where !== "headset" || !views.length) return;
          stop();
          resolve();
        });
      }),
  );
}

/**
 * Read both rows of the barcode from the pixels of the next `count` drawings of new pictures.
 *
 * Resolves to [{seq, eye, source, encoder, right, ageMs, readMs} …]; source is null where a check
 * failed. ageMs is the page's own figure, capture to drawn; readMs is the same until the pixels had
 * come back from the GPU, which is later than anybody could have seen them.
 */
export async function readStrips(page, count, { eyeWidth, eyeHeight }) {
  await page.evaluate(STRIP_READER); // not a script tag: the page's own policy forbids inline code
  return page.evaluate((...wanted) => window.readStrips(...wanted), count, eyeWidth, eyeHeight);
}

// Runs in the page: cells are found through the corners of the eye's picture, so that a screen in
// space reads as well as a flat one.
const STRIP_READER = String.raw`
window.readStrips = (count, eyeWidth, eyeHeight) => new Promise((resolve) => {
  const crc = (value) => {
    let sum = ~0;
    for (let byte = 0; byte < 4; byte += 1) {
      sum ^= (value >>> (8 * byte)) & 255;
      for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
    }
    return ~sum & 0xffff;
  };
  // Homography from the unit square to four corners (Heckbert 1989).
  const projection = ([a, b, c, d]) => {
    const sx = a[0] - b[0] + c[0] - d[0], sy = a[1] - b[1] + c[1] - d[1];
    const x1 = b[0] - c[0], y1 = b[1] - c[1], x2 = d[0] - c[0], y2 = d[1] - c[1];
    const det = x1 * y2 - x2 * y1;
    const g = (sx * y2 - x2 * sy) / det, h = (x1 * sy - sx * y1) / det;
    return (u, v) => {
      const w = g * u + h * v + 1;
      return [((b[0] - a[0] + g * b[0]) * u + (d[0] - a[0] + h * d[0]) * v + a[0]) / w,
        ((b[1] - a[1] + g * b[1]) * u + (d[1] - a[1] + h * d[1]) * v + a[1]) / w];
    };
  };
  const scale = Math.max(1, Math.floor(eyeHeight / 720));
  const [cellWidth, cellHeight] = [8 * scale, 16 * scale];
  const readEye = ({ eye, corners }, read) => {
    const at = projection(corners);
    const area = [[0, 0], [40 * cellWidth, 0], [40 * cellWidth, 2 * cellHeight], [0, 2 * cellHeight]]
      .map(([x, y]) => at(x / eyeWidth, y / eyeHeight));
    const [xs, ys] = [area.map(([x]) => x), area.map(([, y]) => y)];
    const [left, top] = [Math.floor(Math.min(...xs)), Math.floor(Math.min(...ys))];
    const width = Math.ceil(Math.max(...xs)) - left + 1, height = Math.ceil(Math.max(...ys)) - top + 1;
    const pixels = read(left, top, width, height);
    const words = [0, 1].map((row) => {
      let word = 0n;
      for (let cell = 0; cell < 40; cell += 1) {
        let sum = 0, taps = 0;
        for (const fx of [0.35, 0.5, 0.65]) for (const fy of [0.3, 0.5, 0.7]) {
          const [x, y] = at(((cell + fx) * cellWidth) / eyeWidth, ((row + fy) * cellHeight) / eyeHeight);
          const spot = (Math.floor(y - top) * width + Math.floor(x - left)) * 4;
          sum += 0.2126 * pixels[spot] + 0.7152 * pixels[spot + 1] + 0.0722 * pixels[spot + 2];
          taps += 1;
        }
        word = (word << 1n) | (sum / taps > 126 ? 1n : 0n);
      }
      const value = Number(word >> 16n);
      return crc(value) === Number(word & 0xffffn) ? value : null;
    });
    const [source, second] = words;
    const isRead = source !== null && second !== null;
    return { eye, source: isRead ? source : null, encoder: isRead ? second & 0x7fffff : null,
      right: isRead ? (second & 0x800000) !== 0 : null };
  };
  const strips = [];
  let lastSeq = null, pictures = 0;
  const stop = window.stereocast.onDraw(({ seq, views, read }) => {
    if (seq === null || seq === lastSeq || !views.length) return;
    lastSeq = seq;
    const { ageMs, shownMs } = window.stereocast.lastFrame();
    for (const view of views) {
      const strip = readEye(view, read);
      const lateMs = performance.timeOrigin + performance.now() - shownMs;
      strips.push({ seq, ...strip, ageMs, readMs: ageMs === null ? null : ageMs + lateMs });
    }
    pictures += 1;
    if (pictures < count) return;
    stop();
    resolve(strips);
  });
});
`;
