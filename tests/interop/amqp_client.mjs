// RabbitMQ through amqplib. Prints one line of JSON for each message.
//   node amqp_client.mjs consume URL QUEUE COUNT      acknowledges COUNT messages
//   node amqp_client.mjs publish URL EXCHANGE KEY COUNT
import amqplib from "amqplib";

const [action, url, name, ...rest] = process.argv.slice(2);
const connection = await amqplib.connect(url);
const channel = await connection.createConfirmChannel();

if (action === "consume") {
  let left = Number(rest[0]);
  await new Promise((done) => {
    channel.consume(name, (message) => {
      const { messageId, type, contentType, headers } = message.properties;
      const line = { body: message.content.toString(), messageId, type, contentType, headers };
      process.stdout.write(`${JSON.stringify({ ...line, redelivered: message.fields.redelivered })}\n`);
      channel.ack(message);
      left -= 1;
      if (left === 0) done();
    });
  });
} else {
  const [key, count] = rest;
  for (let n = 0; n < Number(count); n += 1) {
    const options = { persistent: true, messageId: `js-${n}`, contentType: "application/json", headers: { n } };
    channel.publish(name, key, Buffer.from(JSON.stringify({ n })), options);
  }
  await channel.waitForConfirms();
  process.stdout.write('{"published":true}\n');
}
await channel.close();
await connection.close();
