// Everything that a viewer can do, in one place: buttons, keys and the headset's panel call these.

import { legalControl, nudgedControl } from "./controls.js";
import { say } from "./messages.js";
import { QualityWishes } from "./panel.js";

const byId = (id) => document.getElementById(id);

export class Actions {
  #wishes;
  panel = null;
  controls = {};

  constructor({ player, settings, headset, sound, status }) {
    this.player = player;
    this.settings = settings;
    this.headset = headset;
    this.sound = sound;
    this.status = status;
    this.#wishes = new QualityWishes((wishes) => player.say(say.quality(wishes)));
  }

  /** Begin with the values that the stream names. */
  describe(stream) {
    this.controls = { ...stream.controls };
  }

  /** Wish a value of one of the engine's controls. */
  control(name, value) {
    const range = this.player.stream?.ranges[name];
    if (!range) return;
    this.controls[name] = legalControl(name, value, range);
    this.#wishes.add(name, this.controls[name]);
    this.panel?.showControl(name, this.controls[name]);
  }

  nudgeControl(name, steps) {
    const range = this.player.stream?.ranges[name];
    if (!range || !(name in this.controls)) return;
    const found = name === "convergence" ? this.player.facts.convergence : undefined;
    this.control(name, nudgedControl(name, this.controls[name], steps, { range, found }));
  }

  resetControls() {
    const start = this.player.stream?.controls ?? {};
    for (const [name, value] of Object.entries(start)) this.control(name, value);
  }

  view(view) {
    this.settings.set("view", view);
  }

  swapEyes() {
    this.settings.set("swapEyes", !this.settings.get("swapEyes"));
  }

  get canPause() {
    const { stream } = this.player;
    return stream !== null && !(stream.isLive && !stream.canSeek);
  }

  togglePause() {
    if (this.canPause) this.player.setPaused(!this.player.isPaused);
    else if (this.player.stream) this.status.toast("This is live: it cannot be paused.");
  }

  seek(seconds) {
    if (this.player.stream?.canSeek) this.player.seek(Math.max(0, seconds));
  }

  seekBy(seconds) {
    this.seek((this.player.facts.position_s ?? 0) + seconds);
  }

  recenter() {
    this.headset.recenter();
  }

  /** Switch the sound, or say why there is none. */
  toggleSound() {
    if (this.sound.reason) this.status.toast(this.sound.reason);
    else this.sound.toggle();
  }

  nudgeVolume(steps) {
    this.settings.nudge("volume", steps);
  }

  async toggleHeadset() {
    if (!this.headset.isOn) this.sound.invite();
    try {
      if (this.headset.isOn) await this.headset.leave();
      else if (this.headset.isOffered) await this.headset.enter();
    } catch (error) {
      this.status.toast(`The headset did not start: ${error.message}`);
    }
  }

  async toggleFullscreen() {
    try {
      if (document.fullscreenElement) await document.exitFullscreen();
      else await document.documentElement.requestFullscreen();
    } catch (error) {
      this.status.toast(`Full screen is not possible here: ${error.message}`);
    }
  }

  toggleStats() {
    this.settings.set("showStats", !this.settings.get("showStats"));
  }

  toggleSettings() {
    const sheet = byId("settings");
    sheet.hidden = !sheet.hidden;
    byId("toggle-settings").setAttribute("aria-expanded", String(!sheet.hidden));
    document.body.classList.toggle("with-settings", !sheet.hidden);
    if (sheet.contains(document.activeElement) || sheet.hidden) byId("toggle-settings").focus();
  }

  toggleHelp() {
    const help = byId("help");
    if (help.open) help.close();
    else help.showModal();
  }

  tapPicture() {
    const isStill = this.player.reducesMotion.matches;
    if (this.settings.get("view") === "wiggle" && isStill) this.player.flipWiggle();
  }
}
