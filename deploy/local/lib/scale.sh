# shellcheck shell=bash
# Starting further processes of a running cluster, or stopping some.

load cluster stores spec

scale_help() {
  cat <<'EOF'
usage: ./topgun scale ROLE=N... [--data DIR]        for example: ./topgun scale sync=3 gateway=2

Starts or stops processes until N of each named role run, 1 to 16; ROLE is gateway, sync or storage.
What is new is ready before anybody is told to use it. What leaves is taken out of use first, then
stopped in an orderly way: clients of a gateway reconnect to another one, and nothing acknowledged
is lost. The others keep running as they are. If something new does not start, nothing changes.

The numbers stay with the folder: the next ./topgun up starts as many, unless its flags say otherwise.
EOF
}

scale_main() {
  take_data_dir "$@"
  local dir=$DATA_DIR argument
  local -A wanted=()
  for argument in "${OTHER_ARGUMENTS[@]}"; do
    [[ $argument == *=* ]] || die "scale: '$argument' is not ROLE=N; see ./topgun scale --help"
    scale_parse_count "$argument"
  done
  ((${#wanted[@]} > 0)) || die "scale: say how many, for example ./topgun scale sync=3 gateway=2"
  require_ready "$dir"
  [[ -f $dir/run/spec.env ]] || die "the cluster on $dir was not started by ./topgun up"
  # One at a time: the files that are written here are read by the supervisor later on.
  local lock
  exec {lock}>>"$dir/run/scale.lock"
  flock --nonblock "$lock" || die "another ./topgun scale is at work on $dir"
  # shellcheck source=/dev/null
  source "$dir/run/spec.env"
  local before=$SPEC_GATEWAYS
  SPEC_GATEWAYS=${wanted[gateway]:-$SPEC_GATEWAYS}
  SPEC_SYNC=${wanted[sync]:-$SPEC_SYNC}
  SPEC_STORAGE=${wanted[storage]:-$SPEC_STORAGE}
  check_ws_ports "$before"
  write_spec "$dir/run/cluster.spec.next"
  cluster_tell "$dir" scale
  save_spec_variables
  printf 'gateway %d\nsync %d\nstorage %d\n' "$SPEC_GATEWAYS" "$SPEC_SYNC" "$SPEC_STORAGE" \
    >"$dir/scale"
  load ps
  print_process_table "$dir"
}

# Into `wanted` of scale_main.
scale_parse_count() {
  local role=${1%%=*} count=${1#*=}
  case $role in
    gateway | sync | storage) ;;
    redis | postgres | prometheus) die "scale: there is one $role; gateway, sync and storage scale" ;;
    *) die "scale: no role '$role'; gateway, sync and storage scale" ;;
  esac
  [[ -z ${wanted[$role]:-} ]] || die "scale: $role is named twice"
  wanted[$role]=$(number_of "$role" "$count" 1 "$PROCESSES_MAX")
}
