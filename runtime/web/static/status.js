// What the page says about the stream: the state of the link, covers, notices, figures.

const byId = (id) => document.getElementById(id);
const TOAST_MS = 6000;
const AGE_WARNING_MS = 500;
const STALL_S = 1.5;

const LINK_WORDS = Object.freeze({
  connecting: "Connecting",
  open: "Live",
  waiting: "Reconnecting",
  stopped: "Stopped",
});

/** What stands in the way, in words for the person who watches. */
export const PROBLEMS = Object.freeze({
  insecure: {
    title: "This page needs https",
    text: "Browsers decode video and open headsets only on https or on localhost. Use the https address that the terminal shows. The simple preview works here, without 3D.",
  },
  webcodecs: {
    title: "This browser cannot decode the stream",
    text: "It has no WebCodecs. Use a current Chrome, Edge, Safari or headset browser, or look at the simple preview.",
  },
  codec: {
    title: "This device cannot decode the stream",
    text: "Try a smaller picture, or look at the simple preview.",
  },
  webgl: {
    title: "This browser has no WebGL 2",
    text: "Switch hardware acceleration on in its settings, or look at the simple preview.",
  },
  worker: {
    title: "The page could not start its decoder",
    text: "Reload it. The simple preview works without.",
  },
});

const ms = (value) => (value === null ? "–" : `${value.toFixed(value < 10 ? 1 : 0)} ms`);

/** Return the words for figures of Sound, of which there are none while it does not play. */
export function soundText(figures, reason = "") {
  if (!figures) return reason || "off";
  const { skewMs, bufferedMs, lost, late, jumps } = figures;
  const side = skewMs >= 0 ? "after" : "before";
  const skew = skewMs === null ? "finding its place" : `${ms(Math.abs(skewMs))} ${side} the picture`;
  const troubles = [[lost, "lost"], [late, "too late"], [jumps, "jumped"]].filter(([n]) => n > 0);
  const words = troubles.map(([n, what]) => `${n} ${what}`).join(", ") || "nothing lost";
  return `${skew}; ${Math.round(bufferedMs)} ms buffered; ${words}`;
}

/** Return the words for a ladder's step, or "" where nothing is given up. */
export function degradedText(step, told) {
  if (!(step > 0)) return "";
  const words = /^to keep up: (.+) \(step \d+ of \d+\)$/.exec(told ?? "")?.[1];
  return words ? `Keeping up: ${words}` : `Keeping up: step ${step}`;
}

/** Return the rows [name, text] of the statistics overlay. */
export function statisticsRows({ figures, stream, health, facts, sound = null }) {
  const { fps, p50Ms, p95Ms, drops, queue, stages, ageRefusal } = figures;
  const lost = Object.entries(drops).filter(([, count]) => count > 0);
  const clock = health?.clock ? `±${health.clock.errorMs.toFixed(1)} ms` : "not compared yet";
  const mismatch =
    health?.declaredCodec && health.codec?.startsWith("avc1") && health.codec !== health.declaredCodec
      ? `, announced as ${health.declaredCodec}`
      : "";
  const hardware = { true: "hardware", false: "software" }[health?.hardware] ?? "";
  const rows = [
    ["Pictures", stream ? `${fps.toFixed(1)} of ${stream.fps.toFixed(0)} fps` : "–"],
    ["Age", ageRefusal ?? (p50Ms === null ? "–" : `${ms(p50Ms)} median, ${ms(p95Ms)} p95`)],
    ["Clocks", clock],
    ["Not shown", lost.length ? lost.map(([cause, n]) => `${n} ${DROP_WORDS[cause]}`).join(", ") : "none"],
    ["Stream", stream ? `${stream.width}×${stream.height} ${stream.layout}` : "–"],
    ["Decoder", `${[health?.codec ?? "–", hardware].filter(Boolean).join(", ")}${mismatch}; ${queue} waiting`],
  ];
  if (sound) rows.push(["Sound", soundText(sound.figures(), sound.reason)]);
  if (Number.isFinite(facts.comfort)) rows.push(["Comfort", `${Math.round(facts.comfort * 100)} %`]);
  if (Number.isFinite(facts.holes_share)) {
    rows.push(["Filled in", `${(facts.holes_share * 100).toFixed(1)} % of the picture`]);
  }
  if (Number.isFinite(facts.depth_near) && Number.isFinite(facts.depth_far)) {
    rows.push(["Depth", `${facts.depth_far.toFixed(2)} … ${facts.depth_near.toFixed(2)}`]);
  }
  const times = stages.map(([name, value]) => `${name} ${value.toFixed(1)}`).join(" · ");
  if (times) rows.push(["Stages, ms", times]);
  return rows;
}

const DROP_WORDS = Object.freeze({
  source: "skipped by the engine",
  sync: "waiting for a key picture",
  decode: "by the decoder",
  late: "overtaken",
});

export class Status {
  #toastTimer = null;
  #hasProblem = false;
  #awaySinceMs = null;
  #degraded = null;

  constructor(player) {
    this.player = player;
  }

  /** Show the state of the connection; while there is no picture, on the whole stage. */
  showLink(link) {
    const chip = byId("link");
    chip.dataset.state = link.state;
    chip.textContent = LINK_WORDS[link.state];
    chip.title = link.text ?? "";
    if (this.#hasProblem) return;
    const hasPicture = this.player.last !== null;
    if (link.state === "stopped") {
      this.cover("The stream has ended", link.text || "", { retry: true });
    } else if (link.state === "waiting" && !hasPicture && link.attempt > 1) {
      const why = link.text ? `${link.text} ` : "";
      this.cover("No stream yet", `${why}Start one with “stereocast live … --web”; this page keeps looking.`, { retry: true });
    } else if (!hasPicture) {
      this.cover("Looking for the stream", "", { busy: true });
    } else {
      this.uncover();
    }
  }

  /** Say that the stream answered, but no picture has come yet. */
  showJoined({ t }) {
    this.#awaySinceMs = null;
    if (t === "welcome") this.#degraded = null;
    if (!this.#hasProblem && this.player.last === null) {
      this.cover("The stream is starting", "The first picture is on its way.", { busy: true });
    }
  }

  /** Say what this browser cannot do, with the way out. */
  showProblem({ code, text }) {
    const problem = PROBLEMS[code] ?? { title: "Something went wrong", text: "" };
    this.#hasProblem = true;
    this.cover(problem.title, [problem.text, text].filter(Boolean).join(" "), { preview: true });
  }

  /** Own up to a frozen picture: the link may be open while the engine is gone. */
  #showStall() {
    const { player } = this;
    if (player.link.state !== "open" || !player.last?.shownMs) return;
    const stillS = (performance.timeOrigin + performance.now() - player.last.shownMs) / 1000;
    const chip = byId("link");
    const isStalled = stillS > STALL_S && !player.isPaused && !document.hidden;
    const words = isStalled ? `No picture for ${Math.floor(stillS)} s` : LINK_WORDS.open;
    chip.dataset.state = player.isPaused ? "paused" : isStalled ? "waiting" : "open";
    chip.textContent = player.isPaused ? "Paused" : words;
  }

  /** Put words over the picture. */
  cover(title, text, { busy = false, retry = false, preview = false }) {
    byId("cover-title").textContent = title;
    byId("cover-text").textContent = text;
    byId("cover").querySelector(".spinner").hidden = !busy;
    byId("cover-retry").hidden = !retry;
    byId("cover-link").hidden = !preview;
    byId("cover").hidden = false;
  }

  /** Take the words away. */
  uncover() {
    if (!this.#hasProblem) byId("cover").hidden = true;
  }

  /** Take a notice: some stay until they are over, the others are said in passing. */
  hear({ code, text }) {
    if (code === "source-away") {
      // It comes again every few seconds; in between the page counts by itself.
      const awayS = Number(/ for (\d+) s/.exec(text)?.[1] ?? 0);
      this.#awaySinceMs ??= performance.now() - awayS * 1000;
      byId("away").title = text;
      return;
    }
    if (code === "source-back") this.#awaySinceMs = null;
    if (code === "degrade") this.#degraded = text;
    this.toast(text);
  }

  /** Say how long the source has been away, and what the engine gives up to keep up. */
  #showEngine() {
    const away = byId("away");
    away.hidden = this.#awaySinceMs === null;
    const awayS = Math.floor((performance.now() - this.#awaySinceMs) / 1000);
    if (!away.hidden) away.textContent = `Source away ${awayS} s`;
    const degraded = byId("degraded");
    degraded.textContent = degradedText(this.player.facts.degrade_step, this.#degraded);
    degraded.title = this.#degraded ?? "";
    degraded.hidden = !degraded.textContent;
  }

  /** Say something in passing. */
  toast(text) {
    const toast = byId("toast");
    toast.textContent = text;
    toast.hidden = false;
    clearTimeout(this.#toastTimer);
    this.#toastTimer = setTimeout(() => (toast.hidden = true), TOAST_MS);
  }

  /** Write a lasting hint under the picture, or remove it with "". */
  hint(text) {
    byId("hint").textContent = text;
    byId("hint").hidden = !text;
  }

  /** Bring figures and age up to date; called a few times a second. */
  refresh(sound) {
    const { player } = this;
    const figures = player.figures();
    this.#showStall();
    this.#showEngine();
    const age = byId("age");
    age.hidden = figures.p50Ms === null || byId("link").dataset.state !== "open";
    if (!age.hidden) {
      age.firstChild.textContent = `${Math.round(figures.p50Ms)} ms`;
      age.title = "Time from capture to the screen, median of the last seconds";
      age.dataset.slow = String(figures.p50Ms > AGE_WARNING_MS);
    }
    if (byId("stats").hidden) return;
    const { stream, health, facts } = player;
    const rows = statisticsRows({ figures, stream, health, facts, sound });
    byId("stats").replaceChildren(
      ...rows.map(([name, text]) => {
        const row = document.createElement("div");
        const [term, words] = [document.createElement("dt"), document.createElement("dd")];
        [term.textContent, words.textContent] = [name, text];
        row.append(term, words);
        return row;
      }),
    );
  }
}
