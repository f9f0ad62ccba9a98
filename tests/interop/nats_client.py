"""PyPI's nats-py: see nats_client.mjs."""

import asyncio
import json
import sys

import nats

url, command, name = sys.argv[1:4]


def tell(what):
    print(json.dumps(what), flush=True)


async def publish(client):
    await client.publish(name, b'{"n":1}', headers={"A": "1"})
    await client.publish(name, b"\xff\x00")
    await client.publish(name, b"", reply="in.box")


async def follow(client):
    messages = await client.subscribe(name)
    await client.flush()
    tell({"ready": True})
    message = await messages.next_msg(timeout=60)
    headers = message.headers or {}
    tell({
        "subject": message.subject,
        "data": message.data.decode(),
        "id": headers.get("Nats-Msg-Id"),
        "type": headers.get("content-type"),
    })


async def store(client):
    stream = client.jetstream()
    for n in range(1, int(sys.argv[4]) + 1):
        await stream.publish(name, b'{"n":%d}' % n)


async def read(client):
    consumer = await client.jetstream().pull_subscribe("", stream=name, durable="reader")
    (message,) = await consumer.fetch(1, timeout=60)
    tell({"seq": message.metadata.sequence.stream, "data": message.data.decode()})


async def main():
    client = await nats.connect(url)
    await {"publish": publish, "follow": follow, "store": store, "read": read}[command](client)
    await client.drain()


asyncio.run(main())
