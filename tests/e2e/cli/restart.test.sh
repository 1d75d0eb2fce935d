#!/usr/bin/env bash
# Whatever is killed comes back; when the supervisor is killed, everything ends and up works again.
source "$(dirname "$0")/support.sh"
dir=$WORK/c
start_cluster "$dir" >/dev/null

# restarted NAME OLD_PID
restarted() {
  local pid
  pid=$(field "$dir" "$1" pid)
  [[ $pid != null && $pid != "$2" ]] && is_up "$dir" "$1"
}

for name in gateway-0 sync-0 storage-0 redis postgres; do
  old=$(field "$dir" "$name" pid)
  kill -KILL "$old"
  wait_until restarted "$name" "$old"
done
wait_until all_up "$dir"
# default_ms PROGRAM SETTING: from its table of settings.
default_ms() {
  "$ROOT/build/release/bin/$1" --print-config-doc | awk -F '`' -v flag="--$2" '
    $2 == flag && $6 ~ /^[0-9]+s$/ { print $6 * 1000; found = 1 }
    $2 == flag && $6 ~ /^[0-9]+(ms)?$/ { print $6 + 0; found = 1 }
    END { exit !found }'
}

# grace_ms NAME: what the supervisor grants it.
grace_ms() {
  awk -v name="$1" '$1 == "process" { mine = $2 == name } mine && $1 == "stop" { print $3 }' \
    "$dir/run/cluster.spec"
}

# No service is killed that takes the longest drain of the default settings.
delay=$(default_ms topgun-gateway drain-delay)
window=$(default_ms topgun-gateway drain-window)
acks=$(default_ms topgun-gateway drain)
(($(grace_ms gateway-0) > delay + window + acks)) || fail "the grace of gateways is too short"
(($(grace_ms sync-0) > $(default_ms topgun-sync drain))) || fail "that of sync services"
(($(grace_ms storage-0) > $(default_ms topgun-storage drain-ms))) || fail "that of storage services"

# A longer one, for this once; and the exit code says that nothing was cut off.
expect_contains "$("$TOPGUN" restart --grace 60 --data "$dir" storage)" "(status 0)"

port=$(field "$dir" gateway-0 ports.ws)
accepts_websocket "$port"

redis=$(field "$dir" redis pid)
kill -KILL "$(<"$dir/run/supervisor.pid")"
wait_until gone "$redis"
expect_equal "$(field "$dir" gateway-0 up)" false
start_cluster "$dir" >/dev/null
all_up "$dir"
