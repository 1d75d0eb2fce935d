#!/usr/bin/env bash
# up, ps, logs and down of a cluster with several processes of each kind.
source "$(dirname "$0")/support.sh"
dir=$WORK/c

expect_equal "$("$TOPGUN" ps --json --data "$dir")" "[]"
summary=$(start_cluster "$dir" --gateways 2 --sync 2 --storage 2)
expect_contains "$summary" "ws://127.0.0.1:$(field "$dir" gateway-0 ports.ws)/ws"
expect_contains "$summary" "ws://127.0.0.1:$(field "$dir" gateway-1 ports.ws)/ws"
expect_contains "$summary" "Token      ey"

# The contract of ps --json.
"$TOPGUN" ps --json --data "$dir" | node -e '
  const assert = require("assert");
  const rows = JSON.parse(require("fs").readFileSync(0, "utf8"));
  const expected = ["gateway-0", "gateway-1", "postgres", "redis", "storage-0", "storage-1", "sync-0", "sync-1"];
  assert.deepStrictEqual(rows.map((r) => r.name).sort(), expected);
  for (const row of rows) {
    assert.deepStrictEqual(Object.keys(row), ["role", "name", "pid", "ports", "up"]);
    assert.deepStrictEqual(Object.keys(row.ports), ["ws", "grpc", "admin"]);
    assert.strictEqual(row.role, row.name.replace(/-\d+$/, ""));
    assert.strictEqual(row.up, true);
    process.kill(row.pid, 0);
    const service = ["gateway", "sync", "storage"].includes(row.role);
    assert.strictEqual(Number.isInteger(row.ports.admin), service);
    assert.strictEqual(Number.isInteger(row.ports.ws), row.role === "gateway");
    assert.strictEqual(Number.isInteger(row.ports.grpc), row.role === "sync" || row.role === "storage");
  }'

accepts_websocket "$(field "$dir" gateway-0 ports.ws)"
accepts_websocket "$(field "$dir" gateway-1 ports.ws)"
expect_contains "$("$TOPGUN" logs sync --data "$dir" 2>&1)" "sync-1.log"
expect_contains "$("$TOPGUN" ps --data "$dir")" "gateway-1"

redis_pid=$(field "$dir" redis pid)
"$TOPGUN" down --data "$dir"
gone "$redis_pid"
expect_equal "$(field "$dir" gateway-0 up)" false
expect_equal "$(field "$dir" gateway-0 pid)" null
"$TOPGUN" down --data "$dir"
