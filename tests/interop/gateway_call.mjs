// ws, driven by lines of JSON on stdin; what happens is told in lines of JSON on stdout.
//
// {text: "…"}   {binary: "base64"}   {close: code}

import { createInterface } from "node:readline";
import { WebSocket } from "ws";

const PATIENCE = 30_000;
const tell = (what) => console.log(JSON.stringify(what));
const socket = new WebSocket(process.argv[2]);

socket.on("open", () => tell({ on: "open" }));
socket.on("ping", () => tell({ on: "ping" }));
socket.on("message", (data, isBinary) => tell({ on: "message", isBinary, text: data.toString() }));
socket.on("unexpected-response", (_, response) => tell({ on: "refused", status: response.statusCode }));
socket.on("error", ({ message }) => tell({ on: "error", message }));
socket.on("close", (code, reason) => tell({ on: "close", code, reason: reason.toString() }));

createInterface({ input: process.stdin }).on("line", (line) => {
  const order = JSON.parse(line);
  if (order.text !== undefined) socket.send(order.text);
  if (order.binary !== undefined) socket.send(Buffer.from(order.binary, "base64"));
  if (order.close !== undefined) socket.close(order.close);
});
setTimeout(() => process.exit(1), PATIENCE);
