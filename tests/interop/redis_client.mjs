// Libraries from npm at a Redis server. Argument: its port. Reads a line of JSON for each action, {"do": …}, and prints a line when
// the action is done, or with the message that it waited for.
import { createInterface } from "node:readline";
import { Emitter } from "@socket.io/redis-emitter";
import { Queue, Worker } from "bullmq";
import Redis from "ioredis";
import notepack from "notepack.io";

const port = Number(process.argv[2]);
const connect = () => new Redis(port, "127.0.0.1", { maxRetriesPerRequest: null });
const client = connect();
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

const actions = {
  publish: ({ channel, text }) => client.publish(channel, text),

  add: ({ stream, fields }) => client.xadd(stream, "*", ...fields),

  // Prints when it is subscribed, and then the first message.
  async subscribe({ channel }) {
    const subscriber = connect();
    const message = new Promise((resolve) => subscriber.on("messageBuffer", (_, payload) => resolve(payload)));
    await subscriber.subscribe(channel);
    message.then((payload) => {
      say(payload[0] === 0x93 ? notepack.decode(payload) : payload.toString());
      subscriber.disconnect();
    });
    return "subscribed";
  },

  async read({ stream }) {
    const [[, [[id, fields]]]] = await client.xread("STREAMS", stream, "0");
    return { id, fields };
  },

  // Values that JSON does not have, to one room, to several, and to all but one.
  emit({ room }) {
    const emitter = new Emitter(client);
    const rich = {
      big: 4294967296123,
      date: new Date(1700000000123),
      bytes: Buffer.from([255, 0]),
      nothing: null,
      nan: NaN,
    };
    emitter.to(room).emit("rich", rich);
    emitter.to("elsewhere").emit("no", 0);
    emitter.to([room, "elsewhere"]).emit("several", 1, [2]);
    emitter.except(room).emit("no", 0);
    emitter.emit("all");
    return client.ping();
  },

  // A job that fails.
  async fail({ queue }) {
    const jobs = new Queue(queue, { connection: connect() });
    const fails = async () => {
      throw new Error("no");
    };
    const worker = new Worker(queue, fails, { connection: connect() });
    const failed = new Promise((resolve) => worker.on("failed", resolve));
    await jobs.add("charge", { amount: 1 });
    await failed;
    await worker.close();
    await jobs.close();
    return "failed";
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const action = JSON.parse(line);
  say(await actions[action.do](action));
}
process.exit(0);
