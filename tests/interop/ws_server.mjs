// A WebSocket server (npm `ws`) whose paths say what it does. It prints its port, then a line for each thing that a test waits
// for. It ends when its stdin does.
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const say = (line) => process.stdout.write(`${line}\n`);
const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

// Each connection's ways: `rest` is the path behind its first part.
const paths = {
  close(ws, [code, reason]) {
    ws.send("before");
    code === "none" ? ws.close() : ws.close(Number(code), decodeURIComponent(reason ?? ""));
  },
  cut(ws) {
    ws.send("before", () => ws._socket.destroy());
  },
  echo(ws) {
    ws.on("message", (data, isBinary) => ws.send(data, { binary: isBinary }));
  },
  // Sends what must come back the same, in order and of the same kind.
  mirror(ws) {
    const sent = [["text: é", false], [every, true], ["", false], ["x".repeat(200_000), false]];
    ws.on("message", (data, isBinary) => {
      const [wanted, wasBinary] = sent.shift();
      const isSame = Buffer.from(wanted).equals(data) && wasBinary === isBinary;
      if (!isSame) ws.close(4000, "other");
      else if (sent.length === 0) ws.close(1000, "same");
    });
    for (const [data, binary] of sent) ws.send(data, { binary });
  },
  pings(ws) {
    ws.on("pong", (data) => ws.send(`pong ${data}`));
    ws.ping("one");
  },
  quiet(ws) {
    ws.on("ping", () => say("ping"));
    ws.on("pong", () => say("pong"));
    ws.send("before");
  },
  fragments(ws) {
    ws.send("one ", { fin: false });
    ws.ping();
    ws.send("two ", { fin: false });
    ws.send("three", { fin: true });
    ws.send(every.subarray(0, 100), { binary: true, fin: false });
    ws.send(every.subarray(100), { binary: true, fin: true });
    ws.close(1000);
  },
  // Reads nothing, so that it answers nothing.
  silent(ws) {
    ws.pause();
    say("silent");
  },
  // Sends much and reads nothing before that has come to a halt; then waits for all to come back.
  stubborn(ws, [count, bytes]) {
    const total = Number(count) * Number(bytes);
    let back = 0;
    ws.on("message", (data) => {
      back += data.length;
      if (back === total) ws.close(1000, "all came back");
    });
    ws.pause();
    for (let sent = 0; sent < Number(count); sent += 1) ws.send("x".repeat(Number(bytes)));
    let before = total;
    const watch = setInterval(() => {
      if (ws.bufferedAmount < before) return (before = ws.bufferedAmount);
      clearInterval(watch);
      say(before > 0 ? "halted" : "all was taken");
      ws.resume();
    }, 100);
  },
  big(ws, [bytes]) {
    ws.send("x".repeat(Number(bytes)));
  },
  endless(ws, [bytes]) {
    const piece = "x".repeat(Number(bytes));
    const more = () => {
      if (ws.readyState !== ws.OPEN) return;
      ws.send(piece, { fin: false }, () => setImmediate(more));
    };
    more();
  },
  bursts(ws, [count]) {
    const filler = "x".repeat(180);
    let sent = 0;
    const more = () => {
      if (ws.readyState !== ws.OPEN) return;
      // Not all at once, so that it hears a close in between.
      const end = ws.bufferedAmount < 1 << 20 ? Math.min(sent + 500, Number(count)) : sent;
      for (; sent < end; sent += 1) ws.send(`{"n":${sent},"filler":"${filler}"}`);
      sent < Number(count) ? setImmediate(more) : ws.close(1000);
    };
    more();
  },
  // Tells what it was sent first, and closes: the first time as a server that goes away.
  greeted(ws) {
    const got = [];
    ws.on("message", (data, isBinary) => {
      got.push(isBinary ? `binary ${data}` : `text ${data}`);
      if (got.length < 2) return;
      ws.send(got.join(", "));
      connections > 1 ? ws.close(1000, "done") : ws.close(1001, "restart");
    });
  },
  headers(ws, _, request) {
    ws.send(JSON.stringify(request.headers));
    ws.close(1000);
  },
};

let connections = 0;
const sockets = new WebSocketServer({
  noServer: true,
  handleProtocols: (offered) => [...offered].at(-1),
});
const server = createServer((_, response) => response.end("<p>a page"));
server.on("upgrade", (request, socket, head) => {
  const [what, ...rest] = request.url.split("?")[0].slice(1).split("/");
  const answer = (status, ...headers) =>
    socket.write([`HTTP/1.1 ${status} No`, "connection: close", ...headers, "", ""].join("\r\n"));
  if (what === "refuse") {
    answer(rest[0], "retry-after: 7", "transfer-encoding: chunked");
    // The body comes later, as from a server behind a proxy.
    setImmediate(() => socket.end("6\r\nsorry \r\n7\r\nno room\r\n0\r\n\r\n"));
  } else if (what === "redirect") {
    const to = decodeURIComponent(request.url.split("?to=")[1]);
    answer(302, `location: ${to}`);
    socket.end();
  } else if (what === "never") {
    say("asked");
  } else {
    sockets.handleUpgrade(request, socket, head, (ws) => {
      connections += 1;
      ws.on("error", () => {});
      ws.on("close", (code, reason) => say(`closed ${code} ${reason}`.trim()));
      paths[what](ws, rest, request);
    });
  }
});
server.listen(0, "127.0.0.1", () => say(server.address().port));
process.stdin.on("end", () => process.exit()).resume();
