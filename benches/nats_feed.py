"""Publishes COUNT messages of 200 bytes as soon as the subject has a subscriber: nats_feed.py PORT SUBJECT COUNT."""

import socket
import sys
import time

port, subject, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
connection = socket.create_connection(("127.0.0.1", port))
lines = connection.makefile("rb")
connection.sendall(b'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\nSUB feed.* 1\r\n')
payload = b'{"n":12345,"text":"' + b"x" * 179 + b'"}'


def has_subscriber():
    """The first message is the question: without a subscriber the server replies with a status."""
    publication = f"PUB {subject} feed.1 {len(payload)}\r\n".encode() + payload + b"\r\n"
    connection.sendall(publication + b"PING\r\n")
    is_answered = False
    while (line := lines.readline()) != b"PONG\r\n":
        is_answered |= line.startswith(b"HMSG")
    return not is_answered


while not has_subscriber():
    time.sleep(0.02)
batch = 1000
publication = f"PUB {subject} {len(payload)}\r\n".encode() + payload + b"\r\n"
for start in range(1, count, batch):
    connection.sendall(publication * min(batch, count - start))
connection.sendall(b"PING\r\n")
while lines.readline() != b"PONG\r\n":
    pass
