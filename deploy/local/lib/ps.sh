# shellcheck shell=bash
# Showing what runs.

load cluster

ps_help() {
  cat <<'EOF'
usage: ./topgun ps [--data DIR] [--json]

Shows the processes of the cluster. --json prints an array of
{"role","name","pid","ports":{"ws","grpc","admin"},"up"}; role is gateway, sync, storage, redis,
postgres or prometheus, pid and ports are null where there is none, up is true for a process that
runs and has reported ready. Nothing ever started there: [].
EOF
}

ps_main() {
  take_data_dir "$@"
  local dir=$DATA_DIR json=false argument
  for argument in "${OTHER_ARGUMENTS[@]}"; do
    case $argument in
      --json) json=true ;;
      *) die "ps: unknown argument '$argument'; see ./topgun ps --help" ;;
    esac
  done
  if $json; then
    print_process_json "$dir"
  elif [[ -f $dir/run/state.tsv ]]; then
    print_process_table "$dir"
  else
    note "nothing was started on $dir; ./topgun up does"
  fi
}

print_process_json() {
  local dir=$1
  if [[ ! -f $dir/run/state.json ]]; then
    printf '[]\n'
  elif cluster_running "$dir"; then
    cat "$dir/run/state.json"
  else
    sed -E 's/"pid":[0-9]+/"pid":null/; s/"up":true/"up":false/' "$dir/run/state.json"
  fi
}

print_process_table() {
  local role name pid ws grpc admin up format='%-11s %-12s %8s %6s %6s %6s  %s\n'
  # shellcheck disable=SC2059
  printf "$format" ROLE NAME PID WS GRPC ADMIN STATE
  while IFS=$'\t' read -r role name pid ws grpc admin up; do
    if [[ $up == true ]]; then up=up; else up=down; fi
    # shellcheck disable=SC2059
    printf "$format" "$role" "$name" "$pid" "$ws" "$grpc" "$admin" "$up"
  done < <(cluster_rows "$1")
}
