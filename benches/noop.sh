#!/usr/bin/env bash
# How long it takes to find out that nothing has to run, beside DVC where it is installed.
# usage: benches/noop.sh [DVC]   (needs hyperfine and a release build)
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
sizer="$root/target/release/sizer"
dvc=${1:-dvc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

spec() { # name, levels, rest
    cat > "$1.yml" <<EOF
version: 1
name: $1
dataset: {path: questions.jsonl}
workflow: {type: simulator, engine: {base: 100us, per_sequence: 50us, max_batch: 256}, output_tokens: 2}
concurrency: {levels: $2, passes: 1}
test: {gpu_count: 8}
targets: {users: 100, workflow_runtime: 5s}
$3
EOF
    "$sizer" run "$1.yml" --quiet > "$1.log" || true
}
cp "$root/templates/starter.jsonl" questions.jsonl

echo "seven stages, nothing to run"
spec seven '[1]' 'outputs: {reports: [summary.md]}'
hyperfine -N -w 2 -r 10 --ignore-failure "$sizer run seven.yml --quiet" | sed -n 2p
if command -v "$dvc" > /dev/null 2>&1; then
    git init -q . && "$dvc" init -q
    {
        echo "stages:"
        previous=questions.jsonl
        for stage in expand sweep level fit estimate result render; do
            echo "  $stage: {cmd: cp $previous $stage.out, deps: [$previous], outs: [$stage.out]}"
            previous=$stage.out
        done
    } > dvc.yaml
    "$dvc" repro -q
    hyperfine -N -w 2 -r 10 "$dvc repro" | sed -n 2p
fi

echo "ten levels, a new target each time"
spec ten '{from: 1, to: 10, steps: 10}' ''
for target in 4s 4.1s 4.2s 4.3s 4.4s 4.5s 4.6s 4.7s 4.8s 4.9s; do
    /usr/bin/time -f %e "$sizer" run ten.yml --quiet --set "targets.workflow_runtime=$target" 2>&1 > ten.log || true
done | grep -E '^[0-9.]+$' | sort -n | sed -n 5p

echo "plan of 1,000 sweep stages (10 branches of 100 levels), all cached"
spec big '{from: 1, to: 100, steps: 100}' 'matrix: {workflow.seed: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}'
hyperfine -N -w 1 -r 10 "$sizer plan big.yml" | sed -n 2p
