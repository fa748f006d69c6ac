// The page's controls: sliders, choices, switches and buttons, bound to settings and to the stream.
// Makes no decisions of its own: everything goes through `settings` and `actions`.

import { controlText } from "./controls.js";
import { SCHEMA } from "./settings.js";

const QUALITY_DELAY_MS = 60;
const CONTROL_STEPS = 100;

const byId = (id) => document.getElementById(id);

/** Format minutes and seconds. */
export function clockText(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const tail = String(whole % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

function numberText(value, unit) {
  if (unit === "%") return `${Math.round(value * 100)} %`;
  return unit ? `${value.toFixed(1)} ${unit}` : value.toFixed(2);
}

/** Build a labelled slider inside a placeholder; returns {input, show(value)}. */
function buildSlider(place, { min, max, step, text, onInput }) {
  const label = document.createElement("label");
  const output = document.createElement("output");
  const input = document.createElement("input");
  Object.assign(input, { type: "range", min, max, step });
  label.append(place.dataset.label, output);
  label.append(input);
  place.replaceChildren(label);
  place.classList.add("slider");
  const show = (value) => {
    input.value = value;
    output.textContent = text(value);
    const share = Math.max(0, (value - min) / (max - min));
    input.style.setProperty("--filled", `${(share * 100).toFixed(1)}%`);
  };
  input.addEventListener("input", () => {
    show(Number(input.value));
    onInput(Number(input.value));
  });
  return { input, show };
}

/** Collects wishes and says them together, at most once per QUALITY_DELAY_MS. */
export class QualityWishes {
  #wishes = {};
  #timer = null;

  constructor(send) {
    this.send = send;
  }

  add(name, value) {
    this.#wishes[name] = value;
    this.#timer ??= setTimeout(() => {
      this.send(this.#wishes);
      this.#wishes = {};
      this.#timer = null;
    }, QUALITY_DELAY_MS);
  }
}

export class Panel {
  #engineSliders = new Map();
  #isSeeking = false;

  constructor({ player, settings, actions }) {
    this.player = player;
    this.settings = settings;
    this.actions = actions;
    this.#bindSettings();
    this.#bindButtons();
    this.#bindTimeline();
    settings.addEventListener("change", () => this.#showSettings());
    this.#showSettings();
  }

  /** Show the controls that this stream has, with its values and ranges. */
  describe(stream) {
    this.#engineSliders.clear();
    for (const place of document.querySelectorAll("[data-control]")) {
      const name = place.dataset.control;
      const range = stream.ranges[name];
      place.hidden = !range || !(name in stream.controls);
      if (place.hidden) continue;
      const [min, max] = range;
      const text = (value) => controlText(name, value, range, place.dataset.unit);
      const onInput = (value) => this.actions.control(name, value);
      const step = (max - min) / CONTROL_STEPS;
      const slider = buildSlider(place, { min, max, step, text, onInput });
      slider.show(stream.controls[name]);
      this.#engineSliders.set(name, slider);
    }
    byId("engine-controls").hidden = this.#engineSliders.size === 0;
    byId("timeline").hidden = !(stream.canSeek && stream.durationS);
    byId("duration").textContent = clockText(stream.durationS ?? 0);
    byId("seek").max = stream.durationS ?? 1;
    byId("pause").hidden = !this.actions.canPause;
  }

  /** Show a control's value that was changed elsewhere (keys, headset). */
  showControl(name, value) {
    this.#engineSliders.get(name)?.show(value);
  }

  /** Show where the film is; seconds. */
  showPosition(seconds) {
    if (this.#isSeeking || !Number.isFinite(seconds)) return;
    const seek = byId("seek");
    seek.value = seconds;
    byId("position").textContent = clockText(seconds);
    seek.setAttribute("aria-valuetext", clockText(seconds));
    seek.style.setProperty("--filled", `${((100 * seconds) / Number(seek.max)).toFixed(2)}%`);
  }

  /** Show whether the source is held. */
  showPaused(paused) {
    byId("pause").setAttribute("aria-pressed", String(paused));
    byId("pause").setAttribute("aria-label", paused ? "Play" : "Pause");
  }

  /** Show whether there is sound, and what to press for it. */
  showSound({ state, reason }) {
    const button = byId("sound");
    const isOn = state === "on";
    button.dataset.state = state;
    button.setAttribute("aria-pressed", String(isOn));
    button.setAttribute("aria-disabled", String(reason !== ""));
    const words = state === "waiting" ? "Sound is off – press to hear" : isOn ? "Mute" : "Sound on";
    button.setAttribute("aria-label", reason || words);
    button.title = reason || `${words} (M)`;
    byId("sound-words").hidden = state !== "waiting";
    byId("volume").hidden = !isOn;
    byId("sound-settings").hidden = reason !== "";
    byId("sound-note").textContent = state === "unable" ? reason : "";
    byId("sound-note").hidden = state !== "unable";
  }

  #bindSettings() {
    this.sliders = [...document.querySelectorAll("[data-setting]")].map((place) => {
      const name = place.dataset.setting;
      const { range, step } = SCHEMA[name];
      const slider = buildSlider(place, {
        min: range[0],
        max: range[1],
        step,
        text: (value) => numberText(value, place.dataset.unit),
        onInput: (value) => this.settings.set(name, value),
      });
      return [name, slider];
    });
    for (const group of document.querySelectorAll("[data-choices]")) this.#bindChoices(group);
    byId("swap-eyes").addEventListener("change", ({ target }) =>
      this.settings.set("swapEyes", target.checked));
    byId("headset-path").addEventListener("change", ({ target }) =>
      this.settings.set("headsetPath", target.checked ? "webgl" : "auto"));
  }

  /** Make a group of buttons one tab stop that arrow keys move through, as radio groups are. */
  #bindChoices(group) {
    const buttons = [...group.querySelectorAll("button")];
    const name = group.dataset.choices;
    group.addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (button) this.settings.set(name, button.dataset.value);
    });
    group.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      const at = buttons.findIndex((button) => button.dataset.value === this.settings.get(name));
      const next = buttons[(at + step + buttons.length) % buttons.length];
      this.settings.set(name, next.dataset.value);
      next.focus();
    });
  }

  #bindButtons() {
    const clicks = {
      "enter-vr": () => this.actions.toggleHeadset(),
      pause: () => this.actions.togglePause(),
      sound: () => this.actions.toggleSound(),
      recenter: () => this.actions.recenter(),
      fullscreen: () => this.actions.toggleFullscreen(),
      "toggle-stats": () => this.settings.set("showStats", !this.settings.get("showStats")),
      "toggle-settings": () => this.actions.toggleSettings(),
      "toggle-help": () => this.actions.toggleHelp(),
      "reset-controls": () => this.actions.resetControls(),
      "cover-retry": () => this.player.retry(),
    };
    for (const [id, act] of Object.entries(clicks)) byId(id).addEventListener("click", act);
    for (const button of document.querySelectorAll("[data-close]")) {
      const close = { settings: "toggleSettings", help: "toggleHelp" }[button.dataset.close];
      button.addEventListener("click", () => this.actions[close]());
    }
    byId("picture").addEventListener("click", () => this.actions.tapPicture());
  }

  #bindTimeline() {
    const seek = byId("seek");
    seek.addEventListener("input", () => {
      this.#isSeeking = false;
      this.showPosition(Number(seek.value));
      this.#isSeeking = true;
    });
    seek.addEventListener("change", () => {
      this.#isSeeking = false;
      this.actions.seek(Number(seek.value));
    });
  }

  #showSettings() {
    const values = this.settings.all();
    for (const [name, slider] of this.sliders) slider.show(values[name]);
    for (const group of document.querySelectorAll("[data-choices]")) {
      for (const button of group.querySelectorAll("button")) {
        const isChosen = button.dataset.value === values[group.dataset.choices];
        button.setAttribute("aria-checked", String(isChosen));
        button.tabIndex = isChosen ? 0 : -1;
      }
    }
    byId("swap-eyes").checked = values.swapEyes;
    byId("headset-path").checked = values.headsetPath === "webgl";
    byId("toggle-stats").setAttribute("aria-pressed", String(values.showStats));
    byId("stats").hidden = !values.showStats;
  }
}
