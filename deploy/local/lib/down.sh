# shellcheck shell=bash
# Stopping a cluster.

load cluster spec

# What stopping takes at most besides the services: Prometheus, then Redis and Postgres.
readonly DOWN_OTHERS_S=60

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
  flock --timeout "$(down_timeout_s "$dir")" "$dir/run/lock" true ||
    die "the cluster on $dir does not stop; $dir/log/supervisor.log says what it waits for"
  note "stopped; the data stays in $dir"
}

# down_timeout_s DIR: gateways, sync and storage services stop one tier after the other, each within
# the grace that `up` was told.
down_timeout_s() {
  (
    SPEC_STOP_MS=$((GRACE_DEFAULT_S * 1000))
    # shellcheck source=/dev/null
    if [[ -f $1/run/spec.env ]]; then source "$1/run/spec.env"; fi
    printf '%d' $((3 * SPEC_STOP_MS / 1000 + DOWN_OTHERS_S))
  )
}
