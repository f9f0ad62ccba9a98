#!/usr/bin/env bash
# Compares the speed of evt with a bare server or a common tool, in one run on one machine. Only the ratios are meaningful, because
# absolute figures depend on the machine. Needs wrk, GNU time, jq (Debian: wrk, time, jq, redis-server), python3, and node with tests/interop
# installed; uses oha, websocat and nats-server if they are installed. The rows of `poll` install dlt and the Singer SDK into
# benches/poll/.venv, and print a row if that fails.
#
#   benches/compare.sh [start|dev|listen|verify|memory|forward|slow|send|deliver|sse|latency|websocket|socketio|nats|redis|poll|polldup|polltie]…
#
# Runs all rows by default.
set -euo pipefail
cd "$(dirname "$0")/.."

SECONDS_EACH=${SECONDS_EACH:-8}
# Duration of the load in the memory row.
SECONDS_LONG=${SECONDS_LONG:-60}
# Response time of the slow app.
SLOW_MS=${SLOW_MS:-100}
CONNECTIONS=50
FLOOR=4890
STREAMS=4893
REDIS=4895
NATS=4896
# Number of events in a stream.
EVENTS=${EVENTS:-1000000}
RECORDS=4894
# Number of records to poll, and of records with the same timestamp.
POLLED=${POLLED:-200000}
TIED=${TIED:-140000}
PORT=4891
secret=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
rows=("$@")
[ "${#rows[@]}" -gt 0 ] || rows=(start dev listen verify memory forward slow send deliver sse latency websocket socketio nats redis poll polldup polltie)

cargo build --profile dist --quiet --locked --bin evt --example bare_hyper --example stream_load --example poll_load
target=${CARGO_TARGET_DIR:-target}
evt=$target/dist/evt
bare=$target/dist/examples/bare_hyper
load=$target/dist/examples/stream_load
records=$target/dist/examples/poll_load
work=$(mktemp -d)
export EVT_HOME=$work/home
children=()
finish() {
  for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT

row() { printf '%-46s %14s %14s %10s  %s\n' "$@"; }
ratio() { python3 -c "print(f'{$1 / $2:.2f}' if $2 else '-')"; }
started() { children+=("$1"); sleep 0.7; }
ended() { kill "$1" 2>/dev/null || true; wait "$1" 2>/dev/null || true; }
resident() { awk '/VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$1/status"; }
peak() { awk '/VmHWM/ { printf "%.1f MB", $2 / 1024 }' "/proc/$1/status"; }

# Writes the request that wrk repeats: a signed event from `evt send --dry-run`.
signed_request() {
  "$evt" send contact.created --to "127.0.0.1:$PORT/hook" --secret "$secret" --dry-run -o raw >"$work/request"
  python3 - "$work/request" >"$work/request.lua" <<'PY'
import sys
head, body = open(sys.argv[1], "rb").read().split(b"\r\n\r\n", 1)
lines = head.decode().split("\r\n")[1:]
print('wrk.method = "POST"')
print("wrk.body = [==[" + body.decode() + "]==]")
for line in lines:
    name, value = line.split(": ", 1)
    if name.lower() not in ("host", "content-length"):
        print(f'wrk.headers["{name}"] = "{value}"')
PY
}

loaded() { wrk -t1 -c$CONNECTIONS -d"${2:-$SECONDS_EACH}s" -s "$work/request.lua" --latency "http://127.0.0.1:$1/hook" >"$work/wrk"; }
rate() { awk '/Requests\/sec/ { print $2 }' "$work/wrk"; }
p99() { awk '$1 == "99%" { print $2 }' "$work/wrk"; }
refused() { awk '/Non-2xx/ { print $NF }' "$work/wrk"; }

with_floor() {
  "$bare" $FLOOR & local floor=$!
  started $floor
  loaded $FLOOR
  floor_rate=$(rate)
  ended $floor
}

bench_listen() {
  signed_request
  with_floor
  "$evt" listen --port $PORT --verify standard-webhooks --secret "$secret" -o json >/dev/null 2>&1 & local pid=$!
  started $pid
  loaded $PORT
  row "listen: verify and store, requests/s" "$(rate)" "$floor_rate" "$(ratio "$(rate)" "$floor_rate")" \
    "vs. a bare server; p99 $(p99), peak $(peak $pid), refused $(refused)"
  ended $pid
}

# Compares the listener with and without verification.
bench_verify() {
  signed_request
  "$evt" listen --port $PORT -o json >/dev/null 2>&1 & local pid=$!
  started $pid
  loaded $PORT
  local plain
  plain=$(rate)
  ended $pid
  "$evt" listen --port $PORT --verify standard-webhooks --secret "$secret" -o json >/dev/null 2>&1 & pid=$!
  started $pid
  loaded $PORT
  row "listen: with verifying, requests/s" "$(rate)" "$plain" "$(ratio "$(rate)" "$plain")" \
    "vs. itself without; p99 $(p99), refused $(refused)"
  ended $pid
}

bench_forward() {
  signed_request
  "$bare" $FLOOR & local app=$!
  started $app
  loaded $FLOOR
  floor_rate=$(rate)
  "$evt" listen $FLOOR --port $PORT --verify standard-webhooks --secret "$secret" -o json >/dev/null 2>&1 & local pid=$!
  started $pid
  loaded $PORT
  row "listen: verify, store and forward, requests/s" "$(rate)" "$floor_rate" "$(ratio "$(rate)" "$floor_rate")" \
    "vs. a bare server; p99 $(p99), peak $(peak $pid), refused $(refused)"
  ended $pid
  ended $app
}

# A ratio near 1 means that memory does not grow with the number of stored requests.
bench_memory() {
  signed_request
  "$evt" listen --port $PORT --verify standard-webhooks --secret "$secret" -o json >/dev/null 2>&1 & local pid=$!
  started $pid
  local early late
  loaded $PORT 5
  early=$(resident $pid)
  loaded $PORT "$SECONDS_LONG"
  late=$(resident $pid)
  row "listen: memory after ${SECONDS_LONG} s of load, MB" "$late" "$early" "$(ratio "$late" "$early")" \
    "vs. itself after 5 s; at $(rate) requests/s, peak $(peak $pid)"
  ended $pid
}

# The slow app limits the rate. Expected: a ratio near 1, and little memory for the waiting requests.
bench_slow() {
  signed_request
  "$bare" $FLOOR "$SLOW_MS" & local app=$!
  started $app
  loaded $FLOOR
  floor_rate=$(rate)
  "$evt" listen $FLOOR --port $PORT --verify standard-webhooks --secret "$secret" -o json >/dev/null 2>&1 & local pid=$!
  started $pid
  loaded $PORT
  row "listen: forward to an app of $SLOW_MS ms, requests/s" "$(rate)" "$floor_rate" "$(ratio "$(rate)" "$floor_rate")" \
    "vs. the app alone; p99 $(p99), peak $(peak $pid), refused $(refused)"
  ended $pid
  ended $app
}

bench_send() {
  "$bare" $FLOOR & local app=$!
  started $app
  local begun ended_at mine theirs=0
  begun=$(date +%s.%N)
  "$evt" send contact.created --to "127.0.0.1:$FLOOR/hook" --secret "$secret" --times 200000 --concurrency 32 -o json >/dev/null 2>&1
  ended_at=$(date +%s.%N)
  mine=$(python3 -c "print(round(200000 / ($ended_at - $begun)))")
  if command -v oha >/dev/null; then
    theirs=$(oha --no-tui -n 400000 -c 32 -m POST -d '{}' "http://127.0.0.1:$FLOOR/hook" | awk '/Requests\/sec/ { print $2 }')
  fi
  row "send: each one signed, requests/s" "$mine" "$theirs" "$(ratio "$mine" "$theirs")" "vs. oha, which signs nothing (0: not installed)"
  ended $app
}

bench_deliver() {
  cargo bench --quiet --locked --bench deliver 2>/dev/null | sed 's/^/  /'
}

# Prints the fastest of forty starts in ms, and the peak memory of one in MB.
spent() {
  python3 - "$@" <<'PY'
import subprocess, sys, time
best = 1e9
for _ in range(40):
    begun = time.perf_counter()
    subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
    best = min(best, time.perf_counter() - begun)
# GNU time starts the process, because the peak of a child of python would include python's own memory.
peak = subprocess.run(["/usr/bin/time", "-f", "%M", *sys.argv[1:]], capture_output=True, text=True).stderr.split()[-1]
print(f"{best * 1000:.2f} {int(peak) / 1024:.1f}")
PY
}

bench_start() {
  local mine theirs
  read -r -a mine <<<"$(spent "$evt" --version)"
  read -r -a theirs <<<"$(spent curl --version)"
  row "--version, ms" "${mine[0]}" "${theirs[0]}" "$(ratio "${mine[0]}" "${theirs[0]}")" "vs. curl; peak ${mine[1]} MB, curl ${theirs[1]} MB"
}

ready_in() { python3 - "$evt" "$@" <<'PY'
import subprocess, sys, time
begun = time.perf_counter()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
for line in child.stderr:
    if b'"ready"' in line:
        break
print(f"{(time.perf_counter() - begun) * 1000:.0f}")
child.terminate()
child.wait()
PY
}

bench_dev() {
  local empty full
  empty=$(ready_in dev --port 0 --console-port 0 -o json)
  python3 - "$EVT_HOME" <<'PY'
import pathlib, sqlite3, sys
path = next(pathlib.Path(sys.argv[1]).rglob("platform.db"))
db = sqlite3.connect(path)
row = ("dev", "bus", "contact.created", "appengine", "my-org", "POST", "/", b"", b'{"event":"contact.created","data":{}}' * 10)
db.executemany(
    "INSERT INTO events (received_at, source, transport, kind, system, org, method, target, headers, body, outcome) "
    "VALUES (0, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)", (row for _ in range(1_000_000)))
db.commit()
PY
  full=$(ready_in dev --port 0 --console-port 0 -o json)
  row "dev: ready, ms" "$full" "$empty" "$(ratio "$full" "$empty")" "with a million stored events, vs. an empty one"
}

# Prints CPU seconds, wall seconds and peak MB of a command line that writes to a pipe.
cost() {
  /usr/bin/time -o "$work/cost" -f "%U %S %e %M" sh -c "$1" 2>"$work/cost.err" | cat >/dev/null
  tail -n 1 "$work/cost" | awk '{ printf "%.2f %.2f %.1f\n", $1 + $2, $3, $4 / 1024 }'
}

# Prints a row that compares CPU time. Arguments: name, evt's command, the other tool's name, its command.
cpu_row() {
  local mine theirs
  read -r -a mine <<<"$(cost "exec $2")"
  read -r -a theirs <<<"$(cost "$4")"
  row "$1, CPU s" "${mine[0]}" "${theirs[0]}" "$(ratio "${mine[0]}" "${theirs[0]}")" \
    "vs. $3; wall ${mine[1]} s and ${theirs[1]} s, peak ${mine[2]} MB"
}

with_streams() {
  "$load" $STREAMS & streams=$!
  started $streams
}

bench_sse() {
  with_streams
  local url=http://127.0.0.1:$STREAMS/sse tail="$evt tail -q -o json --count"
  cpu_row "tail: SSE, $EVENTS events" "$tail $EVENTS $url/$EVENTS" "curl | grep" "curl -sN $url/$EVENTS | grep '^data:'"
  local some=$((EVENTS / 4)) mine theirs
  read -r -a mine <<<"$(cost "exec $tail $EVENTS $url/$EVENTS")"
  read -r -a theirs <<<"$(cost "curl -sN $url/$some | sed -n 's/^data: //p' | jq -c .")"
  local fast slow
  fast=$(python3 -c "print(round($EVENTS / ${mine[1]}))")
  slow=$(python3 -c "print(round($some / ${theirs[1]}))")
  row "tail: SSE, events/s" "$fast" "$slow" "$(ratio "$fast" "$slow")" "vs. curl | sed | jq"
  local large=$((EVENTS / 50))
  read -r -a mine <<<"$(cost "exec $tail $large $url-large/$large")"
  read -r -a theirs <<<"$(cost "curl -sN $url-large/$large")"
  fast=$(python3 -c "print(round($large / ${mine[1]}))")
  slow=$(python3 -c "print(round($large / ${theirs[1]}))")
  row "tail: SSE of 64 KB, events/s" "$fast" "$slow" "$(ratio "$fast" "$slow")" "vs. curl, which parses nothing; peak ${mine[2]} MB"
  ended $streams
}

bench_latency() {
  with_streams
  local url=http://127.0.0.1:$STREAMS/sse-paced/8000 mine theirs
  read -r -a mine <<<"$("$evt" tail -q --count 8000 -o json "$url" | python3 benches/latency.py)"
  read -r -a theirs <<<"$(curl -sN "$url" | python3 benches/latency.py)"
  row "tail: SSE at 1,000/s, p99 µs" "${mine[1]}" "${theirs[1]}" "$(ratio "${mine[1]}" "${theirs[1]}")" "vs. curl; p50 ${mine[0]} and ${theirs[0]}"
  ended $streams
}

bench_websocket() {
  with_streams
  local url=ws://127.0.0.1:$STREAMS/ws/$EVENTS
  if command -v websocat >/dev/null; then
    cpu_row "tail: WebSocket, $EVENTS messages" "$evt tail -q -o json $url" "websocat -U" "websocat -U $url"
  else
    cpu_row "tail: WebSocket, $EVENTS messages" "$evt tail -q -o json $url" "nothing (websocat is not installed)" true
  fi
  ended $streams
}

bench_socketio() {
  with_streams
  local some=$((EVENTS / 4))
  local at=127.0.0.1:$STREAMS
  cpu_row "tail: Socket.IO, $some events" "$evt tail -q -o json socketio+http://$at/?n=$some" "socket.io-client" \
    "exec node benches/socketio_client.mjs 'http://$at/?n=$some'"
  ended $streams
}

# Publishes 10% more than $EVENTS messages of 200 bytes once a client has subscribed: redis-cli ends at the first message that it
# cannot write.
publish() {
  until [ "$(redis-cli -p $REDIS PUBSUB NUMSUB load | tail -n 1)" = 1 ]; do sleep 0.05; done
  redis-cli -p $REDIS --pipe <"$work/publish" >/dev/null
}

bench_redis() {
  redis-server --port $REDIS --bind 127.0.0.1 --save '' --dir "$work" \
    --client-output-buffer-limit 'pubsub 0 0 0' >/dev/null & server=$!
  started $server
  python3 - $((EVENTS * 11 / 10)) >"$work/publish" <<'PY'
import sys
body = '{"text":"' + "x" * 189 + '"}'
command = f"*3\r\n$7\r\nPUBLISH\r\n$4\r\nload\r\n${len(body)}\r\n{body}\r\n" * 1000
for _ in range(int(sys.argv[1]) // 1000):
    sys.stdout.write(command)
PY
  local tail="$evt tail -q -o json --count $EVENTS redis://127.0.0.1:$REDIS/0?channel=load"
  # Each client gets its own publisher, which waits for it.
  for peer in "ioredis|exec node benches/redis_client.mjs $REDIS $EVENTS" \
    "redis-cli|redis-cli -p $REDIS SUBSCRIBE load | head -n $((EVENTS * 3))"; do
    { publish; publish; } &
    local publisher=$!
    cpu_row "tail: Redis, $EVENTS messages" "$tail" "${peer%%|*}" "${peer#*|}"
    wait $publisher
  done
  ended $server
}

bench_nats() {
  local server=/usr/sbin/nats-server at=nats://127.0.0.1:$NATS
  if ! [ -x $server ]; then
    row "tail: NATS" - - - "nats-server is not installed"
    return
  fi
  $server -a 127.0.0.1 -p $NATS >"$work/nats.log" 2>&1 & server=$!
  started $server
  for subject in for.evt for.node; do
    python3 benches/nats_feed.py $NATS $subject "$EVENTS" & children+=($!)
  done
  cpu_row "tail: NATS, $EVENTS messages" "$evt tail -q -o json $at/for.evt --count $EVENTS" "npm's nats" \
    "exec node benches/nats_client.mjs $at for.node $EVENTS"
  ended $server
}

with_records() {
  "$records" $RECORDS "$1" & server=$!
  started $server
}

# Prints the command of `evt poll` for a collection. `{n}` is replaced so that each run has its own state.
polling() { echo "$evt poll $1 --url http://127.0.0.1:$RECORDS --org my-org --token t --state-key s{n} -q ${*:2}"; }

# Prints records per second, peak MB and wall seconds of a command line that reads $1 records: the median of three runs.
median() {
  for _ in 1 2 3; do cost "${2//'{n}'/$RANDOM$RANDOM}"; done | sort -n -k 2 | sed -n 2p |
    awk -v records="$1" '{ printf "%d %s %s\n", records / $2, $3, $2 }'
}

# Prints a row that compares `evt poll` with another tool. Arguments: name, number of records, command.
poll_peer() {
  local theirs
  read -r -a theirs <<<"$(median "$2" "$3")"
  row "poll: page $size, records/s" "${mine[0]}" "${theirs[0]}" "$(ratio "${mine[0]}" "${theirs[0]}")" \
    "vs. $1; peak ${mine[1]} MB and ${theirs[1]} MB"
}

# Installs dlt and the Singer SDK, once.
peers() {
  [ -x benches/poll/.venv/bin/python ] || python3 -m venv benches/poll/.venv
  local pip=benches/poll/.venv/bin/pip
  $pip install --quiet --disable-pip-version-check 'dlt[filesystem]==1.31.0' 'singer-sdk==0.54.9' >"$work/pip" 2>&1 ||
    row "poll: peers" - - - "not installed: $(tail -n 1 "$work/pip")"
}

bench_poll() {
  peers
  with_records "$POLLED"
  local url=http://127.0.0.1:$RECORDS/repository/find/spread python=benches/poll/.venv/bin/python mine size
  for size in 100 1000; do
    read -r -a mine <<<"$(median "$POLLED" "exec $(polling spread --page-size $size --out "$work/{n}.out")")"
    row "poll: page $size to a file, records/s" "${mine[0]}" 0 - "peak ${mine[1]} MB"
    read -r -a mine <<<"$(median "$POLLED" "exec $(polling spread --page-size $size)")"
    poll_peer "a loop of curl | jq" $((100 * size)) "bash benches/poll/curl_jq.sh $url $size 100"
    $python -c 'import dlt' 2>/dev/null &&
      poll_peer "dlt to JSON lines" "$POLLED" "$python benches/poll/dlt_peer.py $url $size $work/dlt{n}"
    $python -c 'import singer_sdk' 2>/dev/null &&
      poll_peer "a tap of the Singer SDK" "$POLLED" "$python benches/poll/singer_peer.py $url $size"
  done
  cost "exec $(polling spread --page-size 1000 | sed 's/{n}/idle/')" >/dev/null
  read -r -a mine <<<"$(median 0 "exec $(polling spread | sed 's/{n}/idle/')")"
  row "poll: nothing new, s" "${mine[2]}" 0 - "peak ${mine[1]} MB"
  ended $server
}

# All records are within the lookback: the first run remembers all of them, and the second recognizes all of them.
bench_polldup() {
  with_records "$POLLED"
  local size first again
  for size in 100 1000; do
    read -r -a first <<<"$(cost "exec $(polling window --page-size $size | sed "s/{n}/dup$size/")")"
    read -r -a again <<<"$(cost "exec $(polling window --page-size $size | sed "s/{n}/dup$size/")")"
    local fresh known
    fresh=$(python3 -c "print(round($POLLED / ${first[1]}))")
    known=$(python3 -c "print(round($POLLED / ${again[1]}))")
    row "poll: page $size, all within the lookback, records/s" "$fresh" "$known" "$(ratio "$fresh" "$known")" \
      "vs. a second run, where no record is new; peak ${first[2]} MB and ${again[2]} MB"
  done
  ended $server
}

bench_polltie() {
  with_records "$TIED"
  local mine requests
  curl -s "http://127.0.0.1:$RECORDS/requests" >/dev/null
  read -r -a mine <<<"$(cost "exec $(polling tie --page-size 1000 | sed 's/{n}/tie/') | tee $work/tied")"
  requests=$(curl -s "http://127.0.0.1:$RECORDS/requests")
  row "poll: $TIED with one timestamp, s" "${mine[1]}" 0 - \
    "$(sort -u "$work/tied" | wc -l) distinct of $(wc -l <"$work/tied") records, $requests requests, peak ${mine[2]} MB"
  ended $server
}

row what evt other ratio notes
for name in "${rows[@]}"; do "bench_$name"; done
