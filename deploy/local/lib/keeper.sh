# shellcheck shell=bash
# What several topgun-server calls of one cluster share on this machine: the keeper, a supervisor of
# its own session that runs Redis, the sync service and, if asked for, Postgres. It belongs to nobody
# and lives as long as any of the calls does.
#
#   REGISTRY/port-N        the keeper's folder, under the cluster port of every call it knows of
#   REGISTRY/port-N.lock   held by the call with that cluster port
#   KEEPER/run/members     held (shared) by every call; the keeper ends when nobody holds it
#   KEEPER/run/lock        held by the keeper
#   KEEPER/run/start.lock  held by whoever starts it

readonly REGISTRY_S=60 KEEPER_START_S=60 KEEPER_END_S=20 CLUSTER_PORT_S=5

# join_keeper PORT SEEDS: sets KEEPER_DIR, and holds its members lock until this process ends.
join_keeper() {
  local own=$1 seeds=$2 ports registry registry_fd
  ports="$own $(seed_ports "$seeds")"
  registry=$(keeper_registry)
  exec {registry_fd}>>"$registry/lock"
  flock --timeout "$REGISTRY_S" "$registry_fd" ||
    die "another topgun-server has held $registry/lock for $REGISTRY_S s; is it stopped?"
  hold_cluster_port "$registry" "$own"
  KEEPER_DIR=$(find_keeper "$registry" "$ports")
  if [[ -z $KEEPER_DIR ]] || ! attend_keeper "$KEEPER_DIR"; then
    make_keeper
    attend_keeper "$KEEPER_DIR" || die "$KEEPER_DIR is used by another cluster"
    start_keeper "$KEEPER_DIR"
  fi
  register_keeper "$registry" "$ports"
  exec {registry_fd}>&-
}

# The cluster ports in a list of host:port. This launcher makes clusters of one machine.
seed_ports() {
  local seeds seed host port ports=""
  IFS=, read -r -a seeds <<<"$1"
  for seed in "${seeds[@]}"; do
    [[ $seed == *:* ]] || die "--seed-nodes takes host:port,..., not '$seed'"
    host=${seed%:*} port=${seed##*:}
    case $host in
      localhost | 127.* | ::1 | '[::1]' | "$HOSTNAME") ;;
      *) die "--seed-nodes: '$host' is another machine; see docs/cluster-mode.md" ;;
    esac
    ports+=" $(number_of --seed-nodes "$port" 1 65535)"
  done
  printf '%s' "$ports"
}

keeper_registry() {
  local registry=${TMPDIR:-/tmp}/topgun-clusters.$EUID
  mkdir -m 700 "$registry" 2>/dev/null || true
  [[ -d $registry && ! -L $registry && -O $registry ]] ||
    die "$registry is not a folder of this user; remove it or set TMPDIR"
  printf '%s' "$registry"
}

hold_cluster_port() {
  local registry=$1 port=$2 fd
  exec {fd}>>"$registry/port-$port.lock"
  flock --timeout "$CLUSTER_PORT_S" "$fd" ||
    die "cluster port $port is taken by another topgun-server"
}

# The folder of the keeper that one of the ports belongs to, if it is still in use.
find_keeper() {
  local registry=$1 port dir
  for port in $2; do
    [[ -f $registry/port-$port ]] || continue
    dir=$(<"$registry/port-$port")
    if [[ -d $dir/run ]] && keeper_in_use "$dir"; then
      printf '%s' "$dir"
      return
    fi
    rm -f "$registry/port-$port"
  done
}

# A keeper that was killed is in use as long as anybody waits for its return.
keeper_in_use() {
  local dir=$1
  cluster_running "$dir" && return
  [[ -f $dir/run/members ]] && ! flock --nonblock "$dir/run/members" true
}

# False when the keeper has decided to end; then it has ended on return.
attend_keeper() {
  local dir=$1
  exec {MEMBERS_FD}>>"$dir/run/members"
  flock --shared --nonblock "$MEMBERS_FD" && return
  exec {MEMBERS_FD}>&-
  flock --timeout "$KEEPER_END_S" "$dir/run/lock" true ||
    die "the cluster in $dir does not end; its log is $dir/log/supervisor.log"
  return 1
}

# A port that belongs to another keeper in use stays with it.
register_keeper() {
  local registry=$1 port
  for port in $2; do
    [[ -n $(find_keeper "$registry" "$port") ]] ||
      printf '%s' "$KEEPER_DIR" >"$registry/port-$port"
  done
}

# The folder, with everything the keeper will run. The caller's environment decides.
make_keeper() {
  prepare_dir "${TOPGUN_DATA_DIR:-}"
  KEEPER_DIR=$SPEC_DIR
  ! cluster_running "$KEEPER_DIR" || die_running "$KEEPER_DIR"
  prepare_stores
  SPEC_GATEWAYS=0 write_spec
  rm -f "$KEEPER_DIR/run/temporary"
  if $TEMPORARY; then touch "$KEEPER_DIR/run/temporary"; fi
}

# In a session of its own, as nobody's child, with nothing of ours open.
start_keeper() {
  local dir=$1
  (
    close_inherited
    cluster_lock "$dir"
    lock_write_ahead_log "$dir"
    rm -f "$dir/run/ready"
    local options=(--dir "$dir" --while-held "$dir/run/members")
    if [[ -e $dir/run/temporary ]]; then options+=(--remove-dir); fi
    setsid "$RELEASE_BIN/topgun-supervisor" "${options[@]}" \
      </dev/null >>"$dir/log/supervisor.log" 2>&1 &
  )
}

# wait_for_keeper DIR: sets SPEC_SYNC_ADDRESSES.
wait_for_keeper() {
  local dir=$1 deadline=$((SECONDS + KEEPER_START_S))
  until [[ -e $dir/run/ready ]]; do
    if ((SECONDS >= deadline)) || ! cluster_running "$dir"; then
      tail -n 5 "$dir"/log/*.log >&2 || true
      die "the shared part of the cluster does not start; its logs are in $dir/log"
    fi
    sleep 0.05
  done
  SPEC_SYNC_ADDRESSES=127.0.0.1:$(awk '$1 == "sync-0.grpc" { print $2 }' "$dir/run/ports")
}

# The process of the spec that starts the keeper again should it be killed.
spec_keeper() {
  printf 'process keeper\nrole keeper\ntier 0\nprobe none\nstop TERM 1000\n'
  spec_without_secrets
  spec_args "$LOCAL_DIR/topgun-keeper" "$1"
}

# keep_keeper DIR: starts it again whenever it has ended, for ever.
keep_keeper() {
  local dir=$1
  while true; do
    # Waits while the keeper lives, and not any longer than this shell does.
    setpriv --pdeathsig KILL flock --shared "$dir/run/lock" true &
    wait $!
    (
      flock 8
      if ! cluster_running "$dir"; then
        wait_for_leftovers "$dir"
        note "starting the shared part of the cluster again"
        start_keeper "$dir"
        sleep 1 # it has the lock by then, or will never have it
      fi
    ) 8>"$dir/run/start.lock"
  done
}

# The processes of a keeper that was killed; as long as one lives its ports are not free.
wait_for_leftovers() {
  local lock
  for lock in "$1"/run/*.lock; do
    if [[ $lock != */start.lock ]]; then flock --timeout "$KEEPER_END_S" "$lock" true || true; fi
  done
}
