"""Reads events that hold the time at which they were sent, and prints p50 and p99 of their way through the pipe, in µs."""
import re
import sys
import time

spans = []
for line in sys.stdin:
    now = time.time_ns()
    sent = re.search(r'"sent_ns":(\d+)', line)
    if sent:
        spans.append(now - int(sent.group(1)))
spans = sorted(spans[len(spans) // 10:])
if not spans:
    sys.exit("nothing came")
print(f"{spans[len(spans) // 2] / 1000:.0f} {spans[len(spans) * 99 // 100] / 1000:.0f}")
