// npm's nats. node nats_client.mjs URL publish SUBJECT | follow SUBJECT | store SUBJECT COUNT | read STREAM
// What arrives is printed in lines of JSON. nats_client.py does the same.

import { connect, headers } from "nats";

const [url, command, name, count] = process.argv.slice(2);
const client = await connect({ servers: url });
const print = (what) => console.log(JSON.stringify(what));

async function publish() {
  const some = headers();
  some.append("A", "1");
  client.publish(name, '{"n":1}', { headers: some });
  client.publish(name, new Uint8Array([0xff, 0]));
  client.publish(name, "", { reply: "in.box" });
}

async function follow() {
  const messages = client.subscribe(name, { max: 1 });
  await client.flush();
  print({ ready: true });
  for await (const { subject, data, headers } of messages) {
    const id = headers?.get("Nats-Msg-Id");
    const type = headers?.get("content-type");
    print({ subject, data: Buffer.from(data).toString(), id, type });
  }
}

async function store() {
  const stream = client.jetstream();
  for (let n = 1; n <= Number(count); n++) {
    await stream.publish(name, `{"n":${n}}`);
  }
}

async function read() {
  const consumer = await client.jetstream().consumers.get(name);
  const message = await consumer.next();
  print({ seq: message.seq, data: Buffer.from(message.data).toString() });
}

await { publish, follow, store, read }[command]();
await client.drain();
