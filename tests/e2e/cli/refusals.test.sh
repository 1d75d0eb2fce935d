#!/usr/bin/env bash
# What up refuses, before it has done anything, and how it says so.
source "$(dirname "$0")/support.sh"
dir=$WORK/c

start_cluster "$dir" >/dev/null
refused "already running on $dir" start_cluster "$dir"
refused "./topgun down" start_cluster "$dir"

port=$(field "$dir" gateway-0 ports.ws)
refused "port $port is taken" "$TOPGUN" up --no-build --detach --data "$WORK/d" --port "$port"
refused "--port N" "$TOPGUN" up --no-build --detach --data "$WORK/d" --gateways 2 --port $((port - 1))
all_up "$dir"

long=$WORK/$(printf 'x%.0s' {1..100})
refused "too long for Unix sockets" start_cluster "$long"

# A full disk, as df reports one.
mkdir "$WORK/bin"
printf '#!/bin/sh\necho Avail; echo 1024\n' >"$WORK/bin/df"
chmod +x "$WORK/bin/df"
PATH=$WORK/bin:$PATH refused "is full: 1 MB are free" start_cluster "$WORK/e"

refused "no verb 'upp'" "$TOPGUN" upp
refused "unknown option '--gateway'" "$TOPGUN" up --gateway 2
refused "--sync takes a number from 1 to 16" "$TOPGUN" up --sync 0
refused "--port needs a value" "$TOPGUN" up --port
refused "--grace takes a number from 1 to 7200" "$TOPGUN" up --grace 30s
refused "--grace takes a number from 1 to 7200" "$TOPGUN" restart --grace 0
refused "no cluster is ready" "$TOPGUN" load --smoke --data "$WORK/e"

# A cluster that cannot start says what does not, and leaves nothing running.
refused "does not start" env JWT_SECRET="$(printf -- '-----BEGIN PUBLIC KEY-----\nnone\n')" \
  "$TOPGUN" up --no-build --detach --port 0 --data "$WORK/f"
expect_equal "$(field "$WORK/f" redis up)" false

# Scaling: what it does not understand, and what cannot be scaled, is refused before anything is done.
refused "say how many" "$TOPGUN" scale --data "$dir"
refused "'sync' is not ROLE=N" "$TOPGUN" scale sync --data "$dir"
refused "no role 'gatway'" "$TOPGUN" scale gatway=2 --data "$dir"
refused "there is one redis" "$TOPGUN" scale redis=2 --data "$dir"
refused "sync takes a number from 1 to 16" "$TOPGUN" scale sync=0 --data "$dir"
refused "sync takes a number from 1 to 16" "$TOPGUN" scale sync=many --data "$dir"
refused "sync is named twice" "$TOPGUN" scale sync=2 sync=3 --data "$dir"
refused "no cluster is ready" "$TOPGUN" scale sync=2 --data "$WORK/f"
expect_equal "$(field "$dir" sync-1 up)" undefined
