#!/usr/bin/env bash
# What was written is there after down and up, in Redis and in Postgres.
source "$(dirname "$0")/support.sh"
dir=$WORK/c

stored_rows() {
  psql --host "$dir/run/pg" --username topgun --tuples-only --no-align topgun \
    --command "SELECT count(*) FROM topgun.records"
}

cached_keys() { redis-cli -s "$dir/run/redis.sock" DBSIZE; }

something_stored() { (($(stored_rows) > 0)); }

start_cluster "$dir" >/dev/null
"$TOPGUN" load --smoke --data "$dir"
wait_until something_stored
"$TOPGUN" down --data "$dir" # drains: what was accepted is stored afterwards

start_cluster "$dir" >/dev/null
rows=$(stored_rows) keys=$(cached_keys)
((keys > 0))
"$TOPGUN" down --data "$dir"
start_cluster "$dir" >/dev/null
expect_equal "$(stored_rows)" "$rows"
expect_equal "$(cached_keys)" "$keys"
