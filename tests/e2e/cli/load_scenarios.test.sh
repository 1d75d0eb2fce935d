#!/usr/bin/env bash
# The load generator's scenarios against a real cluster, for a second each.
source "$(dirname "$0")/support.sh"
dir=$WORK/c
report=$WORK/report.json
readonly LOADGEN=$ROOT/build/release/bin/topgun-loadgen

start_cluster "$dir" >/dev/null
port=$(field "$dir" gateway-0 ports.ws)

loadgen() {
  "$LOADGEN" --url "ws://127.0.0.1:$port/ws" --jwt-secret-file "$dir/run/secret" --quiet \
    --duration 1s --warmup 0s --json "$report" "$@" >"$WORK/output" 2>&1 || {
    cat "$WORK/output" >&2
    return 1
  }
}

# holds EXPRESSION: true of the report `r`.
holds() {
  node -e '
    const r = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
    process.exit(eval(process.argv[2]) ? 0 : 1);' "$report" "$1" || {
    cat "$report" >&2
    fail "expected of the report: $1"
  }
}

loadgen --scenario smoke
holds 'r.verify.passed && r.verify.keys_checked > 0 && r.verify.tags_checked > 0'

# Every live query shows every acknowledged write, which took two frames for each of them.
loadgen --scenario query --connections 5 --subscribers 4
holds 'r.verify.passed && r.verify.live_rows_checked > 0'
holds 'r.throughput.events_received_per_s > 0 && r.throughput.query_updates_received_per_s > 0'

loadgen --scenario mixed --connections 10
for type in put remove or-add or-remove query; do
  holds "r.latency.by_type['$type'].count > 0"
done

loadgen --scenario tombstone-churn --connections 10 --verify acks
holds 'r.verify.passed'

# Each query reads one of the maps, all of whose keys were written before.
loadgen --scenario ycsb-f --connections 10 --maps 20
holds 'r.throughput.queries_answered > 0 && r.throughput.query_rows === 10 * r.throughput.queries_answered'
holds 'r.latency.by_type.put.count > 0'

loadgen --scenario persisted --connections 10
holds 'r.acked_by_level.PERSISTED > 0 && r.scenario === "persisted"'
