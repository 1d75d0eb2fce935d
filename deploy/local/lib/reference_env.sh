# shellcheck shell=bash
# The environment variables of the TopGun reference server, as topgun-server takes them. Those that the
# gateway reads itself under the same name are not here. docs/cluster-mode.md lists them all.

# For how long a server that was killed may still write to its log.
readonly WAL_FREE_S=5

# Sets the SPEC_* variables that follow, and exports what the services read. A value that makes no
# sense is refused; a variable that has no meaning here is named on stderr, never ignored silently.
apply_reference_environment() {
  take_storage_backend
  take_bind_address
  take_memory_limit
  take_write_ahead_log
  take_journal
  local name
  for name in TOPGUN_EPOCH_WIDTH TOPGUN_RECLAMATION_MARGIN_EPOCHS; do
    has_no_effect "$name" "removals are remembered for a time: TOPGUN_RETENTION"
  done
}

has_no_effect() {
  local name=$1 reason=$2
  if [[ -n ${!name:-} ]]; then note "$name has no effect: $reason"; fi
}

take_storage_backend() {
  case ${STORAGE_BACKEND:-redb} in
    null) SPEC_STORAGE=0 ;;
    postgres | redb) SPEC_STORAGE=1 ;;
    *) die "STORAGE_BACKEND is '$STORAGE_BACKEND'; it may be null, postgres or redb" ;;
  esac
}

# "localhost" may be an IPv6 or an IPv4 address, whatever the machine prefers, so both are served.
take_bind_address() {
  local default=0.0.0.0
  if is_true "${TOPGUN_NO_AUTH:-}"; then default=127.0.0.1; fi
  SPEC_HOST=${TOPGUN_BIND_ADDR:-$default}
  case $SPEC_HOST in
    127.0.0.1 | ::1) SPEC_HOST=localhost ;;
    0.0.0.0 | ::) SPEC_HOST='*' ;;
  esac
}

# What can be dropped and read again: the cells and views of the sync service. The state itself stays
# in Redis whole.
take_memory_limit() {
  local high bytes
  has_no_effect TOPGUN_EVICTION_LOW_PCT "one entry makes room for another, so there is no second mark"
  has_no_effect TOPGUN_EVICTION_INTERVAL_MS "room is made whenever it is needed"
  high=$(number_of TOPGUN_EVICTION_HIGH_PCT "${TOPGUN_EVICTION_HIGH_PCT:-85}" 1 100)
  if [[ -z ${TOPGUN_MAX_RAM_MB:-} ]]; then
    has_no_effect TOPGUN_EVICTION_HIGH_PCT "it is a share of TOPGUN_MAX_RAM_MB, which is not set"
    return
  fi
  bytes=$(($(number_of TOPGUN_MAX_RAM_MB "$TOPGUN_MAX_RAM_MB" 8 99999999) * 1048576 * high / 100))
  export TOPGUN_CACHE_BYTES_MAX=${TOPGUN_CACHE_BYTES_MAX:-$((bytes / 3))}
  export TOPGUN_VIEW_BYTES_MAX=${TOPGUN_VIEW_BYTES_MAX:-$((bytes * 2 / 3))}
}

# Only these words switch the journal off; it is as long as what the sync services remember.
take_journal() {
  has_no_effect TOPGUN_JOURNAL_CAPACITY "the journal is bounded in bytes: TOPGUN_RING_BYTES_MAX"
  [[ -n ${TOPGUN_JOURNAL_ENABLED:-} ]] || return 0
  case ${TOPGUN_JOURNAL_ENABLED,,} in
    false | 0 | no | off) export TOPGUN_JOURNAL_ENABLED=false ;;
    *) export TOPGUN_JOURNAL_ENABLED=true ;;
  esac
}

# The write-ahead log is the append-only file of Redis.
take_write_ahead_log() {
  local policy
  case ${TOPGUN_WAL_FSYNC_POLICY:-batched} in
    batched) policy=everysec ;;
    per_op) policy=always ;;
    none) policy=no ;;
    *)
      die "TOPGUN_WAL_FSYNC_POLICY is '$TOPGUN_WAL_FSYNC_POLICY';" \
        "it may be batched, per_op or none"
      ;;
  esac
  SPEC_REDIS_OPTIONS=(--appendfsync "$policy")
}

# place_write_ahead_log DIR: what Redis writes for the cluster in DIR goes to TOPGUN_WAL_DIR, and is
# there again after a restart.
place_write_ahead_log() {
  local dir=$1 wal
  [[ -n ${TOPGUN_WAL_DIR:-} ]] || return 0
  wal=$(absolute_path "$TOPGUN_WAL_DIR")
  mkdir -p "$wal" 2>/dev/null || die "cannot create the folder TOPGUN_WAL_DIR, $wal"
  [[ ! -d $dir/redis || -L $dir/redis ]] ||
    die "TOPGUN_WAL_DIR comes too late: $dir/redis holds the log already"
  ln -sfn "$wal" "$dir/redis"
}

# lock_write_ahead_log DIR: for this process and its children (the supervisor keeps it).
lock_write_ahead_log() {
  local dir=$1 fd
  [[ -L $dir/redis ]] || return 0
  exec {fd}>>"$dir/redis/topgun.lock"
  flock --timeout "$WAL_FREE_S" "$fd" ||
    die "TOPGUN_WAL_DIR, $(readlink -f "$dir/redis"), is the log of another server that runs"
}
