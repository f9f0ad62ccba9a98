// The official client as a user would write it: each message as a line of JSON.
import { createRequire } from "node:module";
const require = createRequire(new URL("../tests/interop/", import.meta.url));
const { connect } = require("nats");
const [servers, subject, count] = process.argv.slice(2);
const client = await connect({ servers });
const decoder = new TextDecoder();
for await (const message of client.subscribe(subject, { max: Number(count) })) {
  const data = JSON.parse(decoder.decode(message.data));
  process.stdout.write(JSON.stringify({ channel: message.subject, data }) + "\n");
}
await client.close();
