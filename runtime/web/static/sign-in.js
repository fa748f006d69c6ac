// The one-time token of a stream on the network: from the address to a cookie, then out of sight.

/** Return the token in an address's fragment, written as #TOKEN or #token=TOKEN; null without. */
export function tokenOf(fragment) {
  const text = fragment.replace(/^#/, "");
  const token = new URLSearchParams(text).get("token") ?? text;
  return /^[\w.~-]{8,}$/.test(token) ? token : null;
}

/**
 * Hand the token of the address to the gateway, which answers with a cookie.
 *
 * Returns what to tell the viewer if it was refused, else null. The token leaves the address at
 * once, so that it is in no history and no picture of the screen.
 */
export async function claimSession() {
  const token = tokenOf(location.hash);
  if (!token) return null;
  history.replaceState(null, "", location.pathname + location.search);
  try {
    const answer = await fetch("/api/session", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token }),
      credentials: "same-origin",
    });
    return answer.ok ? null : "This link has been used or is wrong. Take a fresh one from the terminal.";
  } catch (error) {
    return `The server did not answer: ${error.message}`;
  }
}
