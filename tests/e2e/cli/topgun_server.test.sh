#!/usr/bin/env bash
# deploy/local/topgun-server: the process interface of the TopGun reference server.
source "$(dirname "$0")/support.sh"
SERVER=$ROOT/deploy/local/topgun-server
export TMPDIR=$WORK # where the servers put their temporary folders

# start_server NAME [argument...]: as a process group of its own; sets pid.
start_server() {
  local name=$1
  shift
  setsid "$SERVER" "$@" >"$WORK/$name.out" 2>"$WORK/$name.err" &
  pid=$!
}

port_of() { sed -n 's/^PORT=\([0-9]\+\)$/\1/p' "$WORK/$1.out"; }
announced() { [[ -n $(port_of "$1") ]]; }

refused "JWT_SECRET is not set" "$SERVER" --port 0
refused "unknown option" "$SERVER" --prot 0

# Two side by side, one of them without Postgres, one without authentication.
export JWT_SECRET=test-e2e-secret
STORAGE_BACKEND=null start_server memory --port 0
memory=$pid
TOPGUN_NO_AUTH=true start_server full --node-id node-1 --port=0 --cluster-port 0
full=$pid
wait_until announced memory
wait_until announced full
for name in memory full; do
  expect_equal "$(wc -l <"$WORK/$name.out")" 1
  accepts_websocket "$(port_of "$name")"
  accepts_websocket "$(port_of "$name")" localhost
done

for server in "$memory" "$full"; do
  kill -TERM "-$server"
  status=0
  wait "$server" || status=$?
  expect_equal "$status" 0
done
expect_equal "$(find "$WORK" -maxdepth 1 -name 'topgun-server.*')" ""

# Data is kept where it is asked to be, and the same port serves again.
export TOPGUN_DATA_DIR=$WORK/kept
for round in first second; do
  start_server "$round" --port 0
  wait_until announced "$round"
  kill -TERM "-$pid"
  wait "$pid"
done
[[ -d $WORK/kept/postgres ]]
