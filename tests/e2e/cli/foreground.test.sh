#!/usr/bin/env bash
# up in the foreground: Ctrl-C stops everything, and so does the death of the shell it runs in.
source "$(dirname "$0")/support.sh"

# start_foreground DIR: sets pid. A background job ignores SIGINT, so Ctrl-C is sent as SIGTERM to
# one and as SIGINT to a process that accepts it again.
start_foreground() {
  local dir=$1
  node -e '
    const [program, ...args] = process.argv.slice(1);
    require("child_process").spawn(program, args, {stdio: "inherit", detached: true}).unref();' \
    "$TOPGUN" up --no-build --port 0 --data "$dir" >"$WORK/out" 2>&1
  wait_until grep -q "Ctrl-C stops" "$WORK/out"
  supervisor=$(<"$dir/run/supervisor.pid")
  pid=$(ps -o ppid= -p "$supervisor" | tr -d ' ')
}

start_foreground "$WORK/a"
gateway=$(field "$WORK/a" gateway-0 pid)
kill -INT "-$pid"
wait_until gone "$pid"
gone "$supervisor" && gone "$gateway"

start_foreground "$WORK/b"
redis=$(field "$WORK/b" redis pid)
postgres=$(field "$WORK/b" postgres pid)
kill -KILL "$pid"
wait_until gone "$supervisor"
gone "$redis" && gone "$postgres"
