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
port=$(field "$dir" gateway-0 ports.ws)
accepts_websocket "$port"

redis=$(field "$dir" redis pid)
kill -KILL "$(<"$dir/run/supervisor.pid")"
wait_until gone "$redis"
expect_equal "$(field "$dir" gateway-0 up)" false
start_cluster "$dir" >/dev/null
all_up "$dir"
