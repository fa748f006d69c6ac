// The worker's first step: it connects at once, and keeps what the gateway says until the rest of
// the worker has been loaded. The first picture is under way meanwhile.

import { Connection } from "./connection.js";

const loading = import("./stream-worker.js");
let connection = null;
let worker = null;
const orders = [];

onmessage = ({ data }) => {
  if (data.kind === "open") connect(data.url);
  else if (worker) worker.obey(data);
  else orders.push(data);
};

function connect(url) {
  if (connection) return;
  const early = [];
  const keep = (name) => (value) => early.push([name, value]);
  connection = new Connection(url);
  connection.listener = { onLink: keep("onLink"), onText: keep("onText"), onBinary: keep("onBinary") };
  connection.start();
  loading.then(
    ({ StreamWorker }) => {
      worker = new StreamWorker(connection);
      for (const [name, value] of early) connection.listener[name](value);
      for (const order of orders) worker.obey(order);
    },
    (error) => postMessage({ kind: "problem", code: "worker", text: error.message }),
  );
}
