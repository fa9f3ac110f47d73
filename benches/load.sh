#!/bin/bash
# What the load generator costs, and how far its p95 is from the server's own. See README.md.
#
#   cargo build --release && benches/load.sh
#
# Server and client get a core each. With `oha` in the PATH its requests per CPU-second are compared.
set -euo pipefail
sizer=$(cd "$(dirname "$0")/.." && pwd)/target/release/sizer
dir=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
printf '{"id":1,"question":"What is 3 x 7?"}\n{"id":2,"question":"What is 4 x 5?"}\n' > questions.jsonl

# serve STEP TOKENS [SIGMA]: a server without a limit of its own; its address in $address, its log in log.jsonl
serve() {
    taskset -c 0 "$sizer" simulate --request-log log.jsonl --set engine.max_batch=100000 --set "engine.base=$1" \
        --set engine.per_sequence=0us --set engine.per_prefill_token=0us --set "output_tokens={median: $2, sigma: ${3:-0}}" > address &
    server=$!
    while [ ! -s address ]; do sleep 0.05; done
    address=$(sed 's/listening on //' address)
}

# load CONCURRENCY RUNS STREAM: one level; prints the client's CPU time and memory
load() {
    rm -rf .sizer sizer.lock out
    cat > spec.yml <<END
version: 1
name: load
dataset: {path: questions.jsonl}
workflow: {type: openai, base_url: "$address/v1", model: m, stream: $3}
concurrency: {levels: [$1], runs: $2}
outputs: {reports: [result.json]}
END
    taskset -c 1 /usr/bin/time -o time -f '%U %S %e %M' "$sizer" run spec.yml -q > /dev/null 2>&1
    read -r user system wall rss < time
}

stop() {
    kill -INT "$server"
    wait "$server" 2>/dev/null || true
    rm -f address
}

echo "== CPU of 1000 streamed completions of 64 tokens at concurrency 16"
serve 2ms 64
for _ in 1 2 3; do
    load 16 1000 true
    echo "user $user s + system $system s, wall $wall s, $rss KB"
done
stop

echo "== 10000 streams at once"
serve 20ms 64
load 10000 10000 true
echo "user $user s + system $system s, wall $wall s, $rss KB"
python3 -c '
import json
level = json.load(open("out/result.json"))["levels"][0]
print("{measured} measured, {failed} failed".format(**level))'
stop

for concurrency in 64 1024; do
    echo "== p95 against the log of the server, concurrency $concurrency"
    # Answers of different lengths: were they equal, all runs would begin at the same instant, and
    # wait unread for the server's core, which its log cannot know.
    serve 25ms 40 0.5
    load "$concurrency" $((concurrency * 10)) true
    stop
    python3 - "$concurrency" <<'END'
import json
import sys
concurrency = int(sys.argv[1])
level = json.load(open("out/result.json"))["levels"][0]
log = [json.loads(line) for line in open("log.jsonl")]
# The measured runs: those that began after the warm-up, and before the load was only kept up.
log.sort(key=lambda entry: entry["start"])
log = log[concurrency:][:level["measured"]]
times = sorted(entry["end"] - entry["start"] for entry in log)
position = 0.95 * (len(times) - 1)
low = int(position)
high = min(low + 1, len(times) - 1)
server = times[low] + (times[high] - times[low]) * (position - low)
client = level["workflow_runtime"]["p95"]
print(f"{len(times)} runs: server {server:.6f} s, client {client:.6f} s, "
      f"{(client - server) * 1e3:+.3f} ms, {100 * (client / server - 1):+.2f} %, "
      f"client limited: {level['client_limited']}")
END
done

if command -v oha > /dev/null; then
    echo "== whole answers per CPU-second at concurrency 64: sizer against oha"
    serve 100us 1
    for _ in 1 2 3; do
        load 64 200000 false
        ours=$(python3 -c "print(round(200000 / ($user + $system)))")
        taskset -c 1 /usr/bin/time -o time -f '%U %S' oha -n 200000 -c 64 --no-tui -m POST \
            -T application/json -d '{"model":"m","messages":[{"role":"user","content":"What is 3 x 7?"}]}' \
            "$address/v1/chat/completions" > /dev/null
        read -r user system < time
        python3 -c "
theirs = 200000 / ($user + $system)
print(f'sizer $ours, oha {theirs:.0f}, ratio {$ours / theirs:.2f}')"
    done
    stop
fi
