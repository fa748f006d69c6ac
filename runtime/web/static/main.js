// Builds the page's parts and joins them. No part of the work is done here, and the first step,
// which asks for the stream, is start.js.

import { Actions } from "./actions.js";
import { Headset } from "./headset.js";
import { introspect } from "./introspect.js";
import { Panel } from "./panel.js";
import { Player } from "./player.js";
import { Presenter } from "./presenter.js";
import { Settings } from "./settings.js";
import { claimSession } from "./sign-in.js";
import { describeKeys, listen } from "./shortcuts.js";
import { Sound } from "./sound.js";
import { Status } from "./status.js";

const REFRESH_MS = 250;
const MAX_PIXEL_RATIO = 2;

/** Return the place for settings, or null where the browser forbids one. */
function storage() {
  try {
    return window.localStorage;
  } catch (error) {
    console.warn("stereocast: settings are not kept on this device:", error.message);
    return null;
  }
}

/** Keep the canvas at the size of its box in real pixels. */
function followSize(canvas, player) {
  const resize = () => {
    if (player.headset) return;
    const ratio = Math.min(MAX_PIXEL_RATIO, window.devicePixelRatio || 1);
    const box = canvas.parentElement.getBoundingClientRect();
    canvas.width = Math.max(1, Math.round(box.width * ratio));
    canvas.height = Math.max(1, Math.round(box.height * ratio));
    player.redraw();
  };
  new ResizeObserver(resize).observe(canvas.parentElement);
  resize();
  return resize;
}

function hintFor(view, player) {
  if (view === "depth" && !player.presenter.hasDepth) return "Waiting for the engine's depth maps.";
  if (view === "wiggle" && player.reducesMotion.matches) {
    return "This device asks for less motion: tap the picture to see the other eye.";
  }
  return "";
}

/** Return once the document stands; scripts may be faster than it. */
function documentStands() {
  if (document.readyState !== "loading") return Promise.resolve();
  return new Promise((resolve) => document.addEventListener("DOMContentLoaded", resolve, { once: true }));
}

/** Begin: `heard` is what the worker has said so far, open() makes it ask for the stream. */
export async function begin({ worker, heard, open }) {
  await documentStands();
  const settings = new Settings(storage());
  const canvas = document.getElementById("picture");
  const early = new Status({ last: null });
  let presenter;
  try {
    presenter = new Presenter(canvas);
  } catch (error) {
    early.showProblem({ code: "webgl", text: error.message });
    return;
  }
  const refusal = await claimSession();
  open();
  const player = new Player({ presenter, settings, worker });
  const status = new Status(player);
  if (refusal) status.toast(refusal);
  const headset = new Headset({ player, presenter, settings });
  const sound = new Sound({ player, settings });
  const actions = new Actions({ player, settings, headset, sound, status });
  const panel = new Panel({ player, settings, actions });
  actions.panel = panel;
  headset.actions = actions;
  const resize = followSize(canvas, player);
  listen(actions);
  describeKeys(document.getElementById("keys"));

  player.addEventListener("link", ({ detail }) => status.showLink(detail));
  player.addEventListener("stream", ({ detail }) => {
    actions.describe(detail);
    panel.describe(detail);
    panel.showPaused(false);
    status.showJoined(detail);
  });
  player.addEventListener("first", () => status.uncover());
  player.addEventListener("playback", ({ detail }) => panel.showPaused(detail.paused));
  player.addEventListener("notice", ({ detail }) => status.hear(detail));
  player.addEventListener("problem", ({ detail }) => {
    const isInsecure = detail.code === "webcodecs" && !window.isSecureContext;
    status.showProblem(isInsecure ? { code: "insecure" } : detail);
  });
  headset.addEventListener("change", () => {
    const button = document.getElementById("enter-vr");
    button.disabled = !headset.isOffered;
    button.textContent = headset.isOn ? "Leave VR" : "Enter VR";
    const note = document.getElementById("vr-note");
    note.textContent = headset.note;
    note.hidden = !headset.note;
    if (!headset.isOn) resize();
  });
  sound.addEventListener("change", () => panel.showSound(sound));
  panel.showSound(sound);
  setInterval(() => {
    status.refresh(sound);
    status.hint(hintFor(settings.get("view"), player));
    panel.showPosition(player.facts.position_s);
  }, REFRESH_MS);
  settings.addEventListener("change", () => status.refresh(sound));
  introspect({ player, settings, headset, sound });
  player.listen(heard);
  await headset.probe();
}
