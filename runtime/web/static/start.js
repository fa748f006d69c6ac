// The page's first step: a worker asks for the stream while everything else is still loading.
//
// This file imports nothing, so that nothing is waited for. What the worker says before the page
// listens is kept, and handed over in order.

const worker = new Worker(new URL("./worker-start.js", import.meta.url), { type: "module" });
const heard = [];
worker.onmessage = ({ data }) => heard.push(data);
worker.onerror = ({ message }) => heard.push({ kind: "problem", code: "worker", text: message });

const scheme = location.protocol === "https:" ? "wss" : "ws";
const open = () => worker.postMessage({ kind: "open", url: `${scheme}://${location.host}/stream` });
// An address with a fragment brings a token, which has to become a cookie first.
if (!location.hash) open();

const { begin } = await import("./main.js");
await begin({ worker, heard, open });
