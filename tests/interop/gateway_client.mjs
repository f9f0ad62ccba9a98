// socket.io-client, driven by lines of JSON on stdin; what happens is told in lines of JSON on stdout.
//
// {do: "connect", ns, auth?, options?}   {do: "emit", ns, event, data?, ack?}   {do: "disconnect", ns}
// Bytes are written {$bytes: "base64"} in both directions.

import { createInterface } from "node:readline";
import { Manager } from "socket.io-client";

const [url, options] = [process.argv[2], JSON.parse(process.argv[3] ?? "{}")];
const PATIENCE = 30_000;

const tell = (what) => console.log(JSON.stringify(packed(what)));
const sockets = new Map();

function packed(value) {
  if (Buffer.isBuffer(value)) return { $bytes: value.toString("base64") };
  if (Array.isArray(value)) return value.map(packed);
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, packed(one)]));
  }
  return value;
}

function unpacked(value) {
  if (Array.isArray(value)) return value.map(unpacked);
  if (value && typeof value === "object") {
    if (typeof value.$bytes === "string") return Buffer.from(value.$bytes, "base64");
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, unpacked(one)]));
  }
  return value;
}

const manager = new Manager(url, {
  autoConnect: false,
  reconnectionDelay: 10,
  reconnectionDelayMax: 50,
  randomizationFactor: 0,
  ...options,
});
manager.on("open", () => {
  const { engine } = manager;
  tell({ on: "open", transport: engine.transport.name });
  engine.on("upgrade", (transport) => tell({ on: "upgrade", transport: transport.name }));
  engine.on("packet", ({ type }) => type === "ping" && tell({ on: "ping" }));
});
manager.on("close", (reason) => tell({ on: "close", reason }));
manager.on("error", ({ message }) => tell({ on: "error", message }));

function connect({ ns, auth }) {
  const socket = manager.socket(ns, { auth: auth ?? {} });
  sockets.set(ns, socket);
  socket.on("connect", () => tell({ on: "connect", ns }));
  socket.on("connect_error", ({ message, data }) => tell({ on: "connect_error", ns, message, data }));
  socket.on("disconnect", (reason) => tell({ on: "disconnect", ns, reason, again: socket.active }));
  socket.onAny((event, ...args) => tell({ on: "event", ns, event, args }));
  socket.connect();
}

function emit({ ns, event, data, ack }) {
  const args = data === undefined ? [] : [unpacked(data)];
  if (ack) args.push((reply) => tell({ on: "ack", ns, event, reply }));
  sockets.get(ns).emit(event, ...args);
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const order = JSON.parse(line);
  if (order.do === "connect") connect(order);
  if (order.do === "emit") emit(order);
  if (order.do === "disconnect") sockets.get(order.ns).disconnect();
});
setTimeout(() => process.exit(1), PATIENCE);
