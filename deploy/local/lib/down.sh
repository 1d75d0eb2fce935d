# shellcheck shell=bash
# Stopping a cluster.

load cluster

readonly DOWN_TIMEOUT_S=90

down_help() {
  cat <<'EOF'
usage: ./topgun down [--data DIR]

Stops the cluster: gateways, sync services, storage services, then Redis and Postgres. Data stays.
Nothing running is not an error.
EOF
}

down_main() {
  take_data_dir "$@"
  local dir=$DATA_DIR
  ((${#OTHER_ARGUMENTS[@]} == 0)) ||
    die "down: unknown argument '${OTHER_ARGUMENTS[0]}'; see ./topgun down --help"
  if ! cluster_running "$dir"; then
    note "nothing runs on $dir"
    return
  fi
  local pid
  pid=$(cat "$dir/run/supervisor.pid" 2>/dev/null) ||
    die "the cluster on $dir is just being started; try again in a moment"
  kill -TERM "$pid" 2>/dev/null ||
    die "process $pid belongs to another user; run down as the user who ran up"
  # The lock is free exactly when the supervisor has ended.
  flock --timeout "$DOWN_TIMEOUT_S" "$dir/run/lock" true ||
    die "the cluster on $dir does not stop; $dir/log/supervisor.log says what it waits for"
  note "stopped; the data stays in $dir"
}
