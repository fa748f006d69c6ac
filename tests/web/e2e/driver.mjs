// Lets a program in another language drive the browser: one JSON order per line on standard input,
// one JSON answer per line on standard output, in order. The browser ends with standard input.
// Arguments are flags for the browser.

import { createInterface } from "node:readline";
import { enterHeadset, launch, openPage, readStrips } from "./harness.mjs";

/** Chromium's own remark that pixels were read; the tests read pixels all the time. */
const EXPECTED = /GPU stall due to ReadPixels/;

const browser = await launch(process.argv.slice(2));
const pages = new Map();

const orders = {
  /** Open a page as a visitor of its own: nothing is remembered of others. */
  async open({ id, url, ...options }) {
    const visitor = await browser.createBrowserContext();
    const page = await openPage(visitor, url, options);
    pages.set(id, { page, visitor });
    return page.evaluate(() => ({ openedMs: performance.timeOrigin }));
  },
  async strips({ id, count, eyeWidth, eyeHeight }) {
    return readStrips(pages.get(id).page, count, { eyeWidth, eyeHeight });
  },
  async enterHeadset({ id }) {
    await enterHeadset(pages.get(id).page);
  },
  async evaluate({ id, code }) {
    return pages.get(id).page.evaluate(code);
  },
  async waitFor({ id, code, timeoutMs }) {
    await pages.get(id).page.waitForFunction(code, { timeout: timeoutMs, polling: 20 });
  },
  async press({ id, key }) {
    await pages.get(id).page.keyboard.press(key);
  },
  async screenshot({ id, path }) {
    await pages.get(id).page.screenshot({ path });
  },
  /** Returns what the page complained of. */
  async close({ id }) {
    const { page, visitor } = pages.get(id);
    pages.delete(id);
    await visitor.close();
    return page.errors.filter((text) => !EXPECTED.test(text));
  },
};

const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
answer({ value: await browser.version() });
try {
  for await (const line of createInterface({ input: process.stdin })) {
    const { order, ...details } = JSON.parse(line);
    try {
      answer({ value: (await orders[order](details)) ?? null });
    } catch (error) {
      answer({ error: String(error.stack ?? error) });
    }
  }
} finally {
  await browser.close();
}
