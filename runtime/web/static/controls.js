// Values of the engine's controls: their limits, their steps, how they read. Nothing is sent here.

/** As convergence: the engine finds it itself. */
export const AUTO = -1;
const STEPS = 20;

const isAuto = (name, value) => name === "convergence" && value < 0;

/** Return the nearest value that the engine takes. */
export function legalControl(name, value, [low, high]) {
  return isAuto(name, value) ? AUTO : Math.min(high, Math.max(low, value));
}

/**
 * Return the value some steps away, within the range.
 *
 * found is what the engine has found for an automatic value, undefined where it does not say.
 */
export function nudgedControl(name, value, steps, { range: [low, high], found }) {
  const from = isAuto(name, value) ? found ?? (low + high) / 2 : value;
  return Math.min(high, Math.max(low, from + (steps * (high - low)) / STEPS));
}

/** Put a value into words. */
export function controlText(name, value, [low, high], unit = "") {
  if (isAuto(name, value)) return "auto";
  return `${value.toFixed(high - low > 2 ? 1 : 2)}${unit && ` ${unit}`}`;
}
