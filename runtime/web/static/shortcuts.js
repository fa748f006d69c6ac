// Keys of the page: one table that both obeys them and lists them in the help.

/** [keys, what they do, name of the action, its arguments]. */
export const SHORTCUTS = Object.freeze([
  [["Enter", "v"], "Enter or leave VR", "toggleHeadset", []],
  [[" "], "Pause, go on", "togglePause", []],
  [["ArrowLeft"], "Back 10 s (files)", "seekBy", [-10]],
  [["ArrowRight"], "Forward 10 s (files)", "seekBy", [10]],
  [["m"], "Sound on, off", "toggleSound", []],
  [["ArrowUp"], "Louder", "nudgeVolume", [2]],
  [["ArrowDown"], "Quieter", "nudgeVolume", [-2]],
  [["1"], "Both eyes", "view", ["sbs"]],
  [["2"], "Left eye", "view", ["left"]],
  [["3"], "Right eye", "view", ["right"]],
  [["4"], "Anaglyph, red-cyan glasses", "view", ["anaglyph"]],
  [["5"], "Depth", "view", ["depth"]],
  [["6"], "Wiggle", "view", ["wiggle"]],
  [["+", "="], "More depth", "nudgeControl", ["strength", 1]],
  [["-"], "Less depth", "nudgeControl", ["strength", -1]],
  [["]"], "Everything nearer", "nudgeControl", ["convergence", -1]],
  [["["], "Everything farther", "nudgeControl", ["convergence", 1]],
  [["x"], "Swap the eyes", "swapEyes", []],
  [["c"], "Recenter the screen", "recenter", []],
  [["f"], "Full screen", "toggleFullscreen", []],
  [["i"], "Statistics", "toggleStats", []],
  [["s"], "Settings", "toggleSettings", []],
  [["?", "h"], "This help", "toggleHelp", []],
]);

const KEY_NAMES = Object.freeze({
  " ": "Space", ArrowLeft: "Left", ArrowRight: "Right", ArrowUp: "Up", ArrowDown: "Down",
});

/** Return the shortcut that a keyboard event means, or null: typing and sliders keep their keys. */
export function shortcutOf({ key, ctrlKey, metaKey, altKey, target }) {
  if (ctrlKey || metaKey || altKey) return null;
  const tag = target?.tagName ?? "";
  const isOnControl = ["BUTTON", "A", "INPUT", "SUMMARY"].includes(tag);
  if (isOnControl && (key === "Enter" || key === " ")) return null;
  if (tag === "INPUT" && key.startsWith("Arrow")) return null;
  return SHORTCUTS.find(([keys]) => keys.includes(key.length === 1 ? key.toLowerCase() : key)) ?? null;
}

/** Obey the keys of this page. */
export function listen(actions) {
  document.addEventListener("keydown", (event) => {
    const shortcut = shortcutOf(event);
    if (!shortcut) return;
    event.preventDefault();
    const [, , action, values] = shortcut;
    actions[action](...values);
  });
}

/** Write the table of keys into a <dl>. */
export function describeKeys(list) {
  list.replaceChildren(
    ...SHORTCUTS.map(([keys, text]) => {
      const row = document.createElement("div");
      const [term, words] = [document.createElement("dt"), document.createElement("dd")];
      for (const key of keys) {
        const cap = document.createElement("kbd");
        cap.textContent = KEY_NAMES[key] ?? key.replace(/^.$/, (letter) => letter.toUpperCase());
        term.append(cap);
      }
      words.textContent = text;
      row.append(term, words);
      return row;
    }),
  );
}
