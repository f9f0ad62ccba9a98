// ioredis as a user would write it: each message as a line of JSON. Arguments: port, number of messages.
import { createRequire } from "node:module";
const require = createRequire(new URL("../tests/interop/", import.meta.url));
const Redis = require("ioredis");
const [port, count] = process.argv.slice(2).map(Number);
const client = new Redis(port, "127.0.0.1");
let left = count;
client.on("message", (channel, data) => {
  process.stdout.write(`${JSON.stringify({ channel, data: JSON.parse(data) })}\n`);
  if (--left === 0) client.disconnect();
});
client.subscribe("load");
