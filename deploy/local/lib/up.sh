# shellcheck shell=bash
# Starting a cluster and staying with it.

load certificates deps build cluster stores spec token

readonly DISK_FREE_MIN_MB=500
readonly READY_TIMEOUT_S=120
readonly SHARDS_DEFAULT=4

up_help() {
  cat <<'EOF'
usage: ./topgun up [options]

Installs missing Debian packages (asking for root only then), builds, starts private Redis and
Postgres servers and the services, and restarts whatever ends. Ctrl-C stops everything.

  --data DIR      where the cluster lives (default: .topgun in the repository); data survives
                  `down` and the next `up`
  --port N        WebSocket port of the first gateway, the others follow (default 8080; 0: any)
  --gateways N    how many gateways
  --sync N        how many sync services
  --storage N     how many storage services; by default as many of each as the last ./topgun scale
                  said, else one
  --tls           clients use wss:// and https://, the services mutual TLS, and Redis TLS, with
                  certificates of an authority that is made for the cluster (DIR/tls/ca.crt)
  --grace SECONDS how long a service may take to stop until it is killed (default 30); more than
                  TOPGUN_DRAIN_DELAY + TOPGUN_DRAIN_WINDOW + TOPGUN_DRAIN, where those are set
  --redis LIST    use this Redis, host:port or unix:/path, instead of a private one; some nodes of a
                  Redis Cluster with TOPGUN_REDIS_CLUSTER=true in the environment, Sentinels with
                  TOPGUN_REDIS_SENTINEL=NAME (docs/redis.md)
  --postgres DSN  use this database, or a pooler before it, instead of a private one
  --prometheus    run Prometheus as well, scraping all of them, with the alerts of deploy/monitoring;
                  docs/monitoring.md says how to get the dashboards
  --detach        return as soon as everything is ready
  --no-build      use the programs of the last build as they are

Environment: JWT_SECRET replaces the generated secret; TOPGUN_NO_AUTH=true lets everybody in; any
TOPGUN_<SETTING> reaches the services (docs/configuration.md).
EOF
}

up_main() {
  parse_up_options "$@"
  check_before_up
  prepare_programs
  prepare_cluster
  start_supervisor
  wait_until_ready
  print_summary
  if $UP_DETACH; then return; fi
  note "Ctrl-C stops the cluster"
  wait_for_supervisor
}

parse_up_options() {
  SPEC_DIR=$DEFAULT_DATA_DIR SPEC_PORT=8080 SPEC_GATEWAYS="" SPEC_SYNC="" SPEC_STORAGE=""
  SPEC_PROMETHEUS=false SPEC_TLS=false SPEC_HOST=${TOPGUN_BIND_ADDR:-localhost}
  SPEC_STOP_MS=$((GRACE_DEFAULT_S * 1000))
  SPEC_REDIS_OPTIONS=() SPEC_POSTGRES_OPTIONS=() SPEC_GATEWAY_OPTIONS=()
  SPEC_REDIS="" SPEC_POSTGRES=""
  # SIGINT makes Postgres end its sessions; SIGTERM would wait for clients to leave.
  SPEC_REDIS_STOP="TERM 20000" SPEC_POSTGRES_STOP="INT 20000"
  UP_DETACH=false UP_BUILD=true
  local flag value
  while (($# > 0)); do
    flag=$1
    case $flag in
      --prometheus) SPEC_PROMETHEUS=true ;;
      --tls) SPEC_TLS=true ;;
      --detach) UP_DETACH=true ;;
      --no-build) UP_BUILD=false ;;
      --data | --port | --gateways | --sync | --storage | --grace | --redis | --postgres)
        value=$(value_of "$@")
        set_up_option "$flag" "$value"
        shift
        ;;
      *) die "up: unknown option '$flag'; see ./topgun up --help" ;;
    esac
    shift
  done
  SPEC_GATEWAYS=${SPEC_GATEWAYS:-$(scaled_count "$SPEC_DIR" gateway)}
  SPEC_SYNC=${SPEC_SYNC:-$(scaled_count "$SPEC_DIR" sync)}
  SPEC_STORAGE=${SPEC_STORAGE:-$(scaled_count "$SPEC_DIR" storage)}
}

set_up_option() {
  local flag=$1 value=$2
  case $flag in
    --data) SPEC_DIR=$(absolute_path "$value") ;;
    --port) SPEC_PORT=$(number_of "$flag" "$value" 0 65000) ;;
    --gateways) SPEC_GATEWAYS=$(number_of "$flag" "$value" 1 "$PROCESSES_MAX") ;;
    --sync) SPEC_SYNC=$(number_of "$flag" "$value" 1 "$PROCESSES_MAX") ;;
    --storage) SPEC_STORAGE=$(number_of "$flag" "$value" 1 "$PROCESSES_MAX") ;;
    --grace) SPEC_STOP_MS=$(grace_ms "$flag" "$value") ;;
    --redis) SPEC_REDIS=$value ;;
    --postgres) SPEC_POSTGRES=$value ;;
  esac
}

# Everything that can be refused before minutes of building.
check_before_up() {
  umask 022
  mkdir -p "$SPEC_DIR" 2>/dev/null ||
    die "cannot create $SPEC_DIR; choose a folder you may write with --data DIR"
  is_root || [[ -O $SPEC_DIR && -w $SPEC_DIR ]] ||
    die "$SPEC_DIR belongs to another user; run as that user or choose --data DIR"
  ! cluster_running "$SPEC_DIR" || die_running "$SPEC_DIR"
  check_socket_path "$SPEC_DIR"
  check_disk
  check_ws_ports 0
}

check_disk() {
  local free_mb
  free_mb=$(($(df --output=avail -k "$SPEC_DIR" | tail -n 1) / 1024))
  ((free_mb >= DISK_FREE_MIN_MB)) ||
    die "the disk of $SPEC_DIR is full: $free_mb MB are free, $DISK_FREE_MIN_MB MB are needed;" \
      "make room or choose another disk with --data DIR"
}

prepare_programs() {
  install_packages run
  if $SPEC_PROMETHEUS; then install_packages prometheus; fi
  if $UP_BUILD; then
    install_packages build
    build_tree release "${SERVICE_TARGETS[@]}"
  fi
  local program
  for program in "${SERVICE_TARGETS[@]}"; do
    [[ -x $RELEASE_BIN/$program ]] ||
      die "$program is not built; leave out --no-build or run ./topgun build"
  done
}

prepare_cluster() {
  mkdir -p "$SPEC_DIR/run" "$SPEC_DIR/log"
  chmod 755 "$SPEC_DIR" "$SPEC_DIR/run" "$SPEC_DIR/log"
  cluster_lock "$SPEC_DIR"
  rm -f "$SPEC_DIR/run/ready" "$SPEC_DIR/run/secret" "$SPEC_DIR/run/tls"
  # The number of shards belongs to the data; only the first `up` decides it.
  [[ -f $SPEC_DIR/shards ]] || printf '%d\n' "$SHARDS_DEFAULT" >"$SPEC_DIR/shards"
  SPEC_SHARDS=$(<"$SPEC_DIR/shards")
  if [[ -z $SPEC_REDIS ]]; then prepare_redis "$SPEC_DIR"; fi
  if [[ -z $SPEC_POSTGRES ]]; then prepare_postgres "$SPEC_DIR" true; fi
  if $SPEC_TLS; then prepare_tls; fi
  write_spec
  save_spec_variables
}

# Certificates behind the gateways, and one for the names that clients may reach a gateway by.
prepare_tls() {
  local hosts=(localhost 127.0.0.1 ::1 "$HOSTNAME")
  case $SPEC_HOST in
    localhost | \* | 0.0.0.0 | ::) ;;
    *) hosts+=("$SPEC_HOST") ;;
  esac
  ensure_certificate "$SPEC_DIR" gateway "${hosts[@]}"
  SPEC_GATEWAY_OPTIONS+=(--tls-certificate-file "$SPEC_DIR/tls/gateway.crt"
    --tls-key-file "$SPEC_DIR/tls/gateway.key")
  touch "$SPEC_DIR/run/tls"
  prepare_mesh
}

start_supervisor() {
  local log=$SPEC_DIR/log/supervisor.log options=(--dir "$SPEC_DIR")
  if ! $UP_DETACH; then options+=(--die-with-parent); fi
  export_secret
  # For ./topgun profile; the admin ports are on loopback.
  export TOPGUN_DEBUG_ENDPOINTS=${TOPGUN_DEBUG_ENDPOINTS:-true}
  touch "$log"
  LOG_START=$(stat -c %s "$log")
  # A session of its own: Ctrl-C in this terminal must not reach it before we ask it to stop.
  setsid "$RELEASE_BIN/topgun-supervisor" "${options[@]}" </dev/null >>"$log" 2>&1 &
  SUPERVISOR_PID=$!
  trap stop_supervisor INT TERM HUP
}

export_secret() {
  if is_true "${TOPGUN_NO_AUTH:-}"; then
    export TOPGUN_NO_AUTH=true
    unset JWT_SECRET
    return
  fi
  JWT_SECRET=$(cluster_secret "$SPEC_DIR")
  export JWT_SECRET
  (umask 077 && printf '%s' "$JWT_SECRET" >"$SPEC_DIR/run/secret")
}

stop_supervisor() {
  note "stopping"
  kill -TERM "$SUPERVISOR_PID" 2>/dev/null || true
}

# Returns its exit status, however many signals arrive meanwhile.
wait_for_supervisor() {
  local status=0
  while true; do
    status=0
    wait "$SUPERVISOR_PID" || status=$?
    kill -0 "$SUPERVISOR_PID" 2>/dev/null || return "$status"
  done
}

wait_until_ready() {
  local deadline=$((SECONDS + READY_TIMEOUT_S))
  while [[ ! -e $SPEC_DIR/run/ready ]]; do
    kill -0 "$SUPERVISOR_PID" 2>/dev/null || fail_start "the supervisor ended"
    if ((SECONDS >= deadline)); then
      explain_not_ready
      stop_supervisor
      wait_for_supervisor || true
      fail_start "not ready within $READY_TIMEOUT_S s"
    fi
    sleep 0.1
  done
}

explain_not_ready() {
  local role name pid ws grpc admin up
  while IFS=$'\t' read -r role name pid ws grpc admin up; do
    [[ $up == true ]] || note "not ready: $name ($role, pid $pid, ports $ws $grpc $admin)"
  done < <(cluster_rows "$SPEC_DIR")
}

fail_start() {
  local words culprit
  words=$(tail -c "+$((LOG_START + 1))" "$SPEC_DIR/log/supervisor.log")
  culprit=$(sed -n 's/.*"reason":"\([a-z0-9-]*\) does not start".*/\1/p' <<<"$words" | tail -n 1)
  note "the last words of the supervisor:"
  tail -n 5 <<<"$words" >&2
  if [[ -n $culprit ]]; then
    note "the last words of $culprit:"
    tail -n 5 "$SPEC_DIR/log/$culprit.log" >&2
  fi
  die "the cluster did not start: $1; all logs are in $SPEC_DIR/log"
}

print_summary() {
  local suffix="" url
  if [[ $SPEC_DIR != "$DEFAULT_DATA_DIR" ]]; then suffix=" --data $SPEC_DIR"; fi
  load ps
  print_process_table "$SPEC_DIR"
  printf '\n'
  while read -r url; do
    printf 'WebSocket  %s\n' "$url"
  done < <(cluster_urls "$SPEC_DIR")
  if $SPEC_TLS; then printf 'Authority  %s\n' "$(ca_file "$SPEC_DIR")"; fi
  print_prometheus_url
  if [[ -n ${JWT_SECRET:-} ]]; then
    printf 'Token      %s\n' "$(sign_token "$JWT_SECRET" demo "" 86400)"
  else
    printf 'Token      none needed: authentication is off\n'
  fi
  printf '\nNext, in another shell:\n'
  printf '  ./topgun load --smoke%s\n' "$suffix"
  printf '  ./topgun logs gateway-0%s\n' "$suffix"
  if [[ -z $SPEC_POSTGRES ]]; then
    printf '  psql -h %s -U topgun topgun -c "SELECT * FROM topgun.records LIMIT 5"\n' "$(readlink -f "$SPEC_DIR/run/pg")"
  fi
  printf '  ./topgun down%s\n' "$suffix"
}

print_prometheus_url() {
  cluster_rows "$SPEC_DIR" |
    awk -F '\t' '$1 == "prometheus" { print "Prometheus http://127.0.0.1:" $6 }'
}
