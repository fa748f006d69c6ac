// What the viewer has chosen on this device: defaults, limits, and where it is kept.
// The engine's own controls (strength and so on) are not here: every viewer shares them.

import { LAYOUT_CHOICES } from "./layout.js";

export const VIEWS = Object.freeze(["left", "right", "sbs", "anaglyph", "depth", "wiggle"]);
const KEY = "stereocast.settings";

/** Every setting: its default, and either its choices or its range. */
export const SCHEMA = Object.freeze({
  view: { start: "sbs", choices: VIEWS },
  layout: { start: "auto", choices: LAYOUT_CHOICES },
  swapEyes: { start: false, choices: [false, true] },
  widthM: { start: 3.2, range: [0.8, 12], step: 0.1 },
  distanceM: { start: 2.5, range: [0.8, 10], step: 0.1 },
  curvature: { start: 0, range: [0, 1], step: 0.05 },
  showStats: { start: false, choices: [false, true] },
  sound: { start: "unset", choices: ["unset", "on", "off"] },
  volume: { start: 1, range: [0, 1], step: 0.05 },
  headsetPath: { start: "auto", choices: ["auto", "webgl"] },
});

/** Return a legal value for a setting: within its range, or null where nothing fits. */
export function legal(name, value) {
  const rule = SCHEMA[name];
  if (!rule) return null;
  if (rule.choices) return rule.choices.includes(value) ? value : null;
  if (typeof value !== "number" || !Number.isFinite(value)) return null;
  return Math.min(rule.range[1], Math.max(rule.range[0], value));
}

export class Settings extends EventTarget {
  #values;
  #storage;

  /** Load what was kept. storage is localStorage, or null where the browser forbids it. */
  constructor(storage) {
    super();
    this.#storage = storage;
    const kept = this.#read();
    this.#values = Object.fromEntries(
      Object.entries(SCHEMA).map(([name, rule]) => [name, legal(name, kept[name]) ?? rule.start]),
    );
  }

  get(name) {
    return this.#values[name];
  }

  all() {
    return { ...this.#values };
  }

  /** Change a setting, keep it, and tell listeners of "change"; false if the value is no good. */
  set(name, value) {
    const accepted = legal(name, value);
    if (accepted === null) return false;
    if (accepted === this.#values[name]) return true;
    this.#values[name] = accepted;
    this.#write();
    this.dispatchEvent(Object.assign(new Event("change"), { name, value: accepted }));
    return true;
  }

  /** Move a ranged setting by a number of its steps, or a fraction of one. */
  nudge(name, steps) {
    return this.set(name, this.#values[name] + steps * SCHEMA[name].step);
  }

  #read() {
    try {
      const kept = JSON.parse(this.#storage?.getItem(KEY) ?? "{}");
      return kept !== null && typeof kept === "object" ? kept : {};
    } catch (error) {
      console.warn("stereocast: kept settings are unreadable, using the defaults:", error.message);
      return {};
    }
  }

  #write() {
    try {
      this.#storage?.setItem(KEY, JSON.stringify(this.#values));
    } catch (error) {
      console.warn("stereocast: settings cannot be kept on this device:", error.message);
    }
  }
}
