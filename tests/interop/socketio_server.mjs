// A Socket.IO server that does what it is told, a line of JSON each: {"do": …}. Its first line is its port; then a line for
// each thing that happens: `joined /chat`, `left /chat client namespace disconnect`, `got /chat ["event",…]`.
// Arguments: options of the server as JSON.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Server } from "socket.io";

const options = JSON.parse(process.argv[2] ?? "{}");
const say = (line) => process.stdout.write(`${line}\n`);

let http;
let io;
let port = 0;

// What JSON cannot say: {"bytes": [1, 2]} is a buffer, at any depth.
const revive = (_, value) =>
  Array.isArray(value?.bytes) ? Buffer.from(value.bytes) : value;

function serve(extra = {}) {
  http = createServer();
  io = new Server(http, { ...options, ...extra });
  for (const name of ["/", "/chat", "/voice"]) {
    const namespace = io.of(name);
    namespace.use((socket, next) => {
      const wanted = options.token;
      if (wanted === undefined || socket.handshake.auth.token === wanted) return next();
      const error = new Error("not authorized");
      error.data = { code: 401, hint: "renew it" };
      next(error);
    });
    namespace.on("connection", (socket) => {
      say(`joined ${name} ${socket.recovered}`);
      socket.on("disconnect", (reason) => say(`left ${name} ${reason}`));
      socket.onAny((...args) => {
        const answer = typeof args.at(-1) === "function" ? args.pop() : undefined;
        say(`got ${name} ${JSON.stringify(args)}`);
        answer?.("done", args.length);
      });
    });
  }
  io.of("/silent").use(() => say("asked /silent"));
  http.listen(port, "127.0.0.1", () => {
    if (port === 0) say(http.address().port);
    else say("listening");
    port = http.address().port;
  });
}

const actions = {
  emit: ({ namespace = "/", args }) => io.of(namespace).emit(...args),
  count: ({ namespace = "/", from = 1, to }) => {
    for (let n = from; n <= to; n++) io.of(namespace).emit("n", n);
  },
  ask: async ({ namespace = "/", args }) => {
    const answers = await io.of(namespace).timeout(5000).emitWithAck(...args);
    say(`answered ${JSON.stringify(answers)}`);
  },
  // The transport is gone without a word.
  kill: () => {
    for (const client of Object.values(io.engine.clients)) {
      const socket = client.transport.socket?._socket;
      if (socket) socket.destroy();
      else client.transport.close();
    }
  },
  // The polite end of Engine.IO.
  close: () => {
    for (const client of Object.values(io.engine.clients)) client.close();
  },
  disconnect: ({ namespace = "/" }) => io.of(namespace).disconnectSockets(),
  // Whatever the protocol does not allow.
  raw: ({ packet, bytes }) => {
    for (const client of Object.values(io.engine.clients)) {
      client.transport.socket.send(bytes ? Buffer.from(bytes) : packet);
    }
  },
  block: ({ millis }) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis);
    say("awake");
  },
  restart: async () => {
    await io.close();
    serve();
  },
  transports: () =>
    say(Object.values(io.engine.clients).map((client) => client.transport.name).join()),
  header: ({ name }) =>
    say(Object.values(io.engine.clients).map((client) => client.request.headers[name]).join()),
  // Says so once so many pongs have come.
  pongs: ({ count }) => {
    for (const client of Object.values(io.engine.clients)) {
      client.on("packet", ({ type }) => {
        if (type === "pong" && --count === 0) say("pongs");
      });
    }
  },
};

createInterface({ input: process.stdin }).on("line", (line) => {
  const told = JSON.parse(line, revive);
  actions[told.do](told);
});
process.stdin.on("end", () => process.exit());
serve();
