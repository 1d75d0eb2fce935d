# shellcheck shell=bash
# Writes DIR/run/cluster.spec, the supervisor's input. {name.port} is filled in by the supervisor;
# its header spec.h describes the format.

load mesh

readonly PROCESSES_MAX=16 # of a role
readonly GRACE_DEFAULT_S=30 # above the longest default drain of the services (docs/drain.md)
readonly GRACE_MAX_S=7200
readonly TIER_STORES=0 TIER_STORAGE=1 TIER_SYNC=2 TIER_GATEWAY=3 TIER_PROMETHEUS=4

# grace_ms FLAG SECONDS
grace_ms() {
  local seconds
  seconds=$(number_of "$1" "$2" 1 "$GRACE_MAX_S")
  printf '%d' $((seconds * 1000))
}

# write_spec [FILE]: the whole cluster, from the variables of `up` and of topgun-server:
#   SPEC_DIR SPEC_SHARDS SPEC_STORAGE (0: no Postgres) SPEC_SYNC SPEC_GATEWAYS SPEC_PORT (0: any)
#   SPEC_HOST SPEC_PROMETHEUS (true or false) SPEC_STOP_MS (patience when stopping a service)
#   SPEC_REDIS_STOP SPEC_POSTGRES_STOP (signal and patience)
#   SPEC_REDIS_OPTIONS SPEC_POSTGRES_OPTIONS SPEC_GATEWAY_OPTIONS (arrays, further arguments)
#   SPEC_SYNC_ADDRESSES (of sync services that run elsewhere)
#   SPEC_TLS (true: also behind the gateways, see mesh.sh; unset: false)
#   SPEC_REDIS SPEC_POSTGRES (addresses, connection string: of stores that run elsewhere)
write_spec() {
  local file=${1:-$SPEC_DIR/run/cluster.spec} i
  spec_addresses sync "$SPEC_SYNC"
  spec_addresses storage "$SPEC_STORAGE"
  {
    if [[ -z ${SPEC_REDIS:-} ]]; then spec_redis; fi
    if ((SPEC_STORAGE > 0)); then
      if [[ -z ${SPEC_POSTGRES:-} ]]; then spec_postgres; fi
      for ((i = 0; i < SPEC_STORAGE; ++i)); do spec_storage "$i"; done
    fi
    for ((i = 0; i < SPEC_SYNC; ++i)); do spec_sync "$i"; done
    for ((i = 0; i < SPEC_GATEWAYS; ++i)); do spec_gateway "$i"; done
    if $SPEC_PROMETHEUS; then spec_prometheus; fi
  } >"$file"
}

# check_ws_ports FIRST: those of the gateways from number FIRST on are not in use.
check_ws_ports() {
  local i port host
  ((SPEC_PORT > 0)) || return 0
  for ((i = $1; i < SPEC_GATEWAYS; ++i)); do
    port=$((SPEC_PORT + i))
    for host in 127.0.0.1 ::1; do
      if (exec 3<>"/dev/tcp/$host/$port") 2>/dev/null; then
        die "port $port is taken by another program; choose other ports with ./topgun up --port N"
      fi
    done
  done
}

# What write_spec needs, for `scale`, which reads it back.
save_spec_variables() {
  (umask 077 && declare -p "${!SPEC_@}" >"$SPEC_DIR/run/spec.env")
}

# Only gateways know the secrets of clients and administrators.
spec_without_secrets() { printf 'unset JWT_SECRET\nunset TOPGUN_ADMIN_PASSWORD\n'; }

spec_args() { printf 'arg %s\n' "$@"; }

# spec_addresses ROLE COUNT: run/ROLE.addresses, which tells the services that use the role where its
# processes are. They follow its changes, so the role can be scaled while they run.
spec_addresses() {
  local role=$1 count=$2 i
  {
    printf '# Where the %s services are; written by ./topgun up and scale.\n' "$role"
    for ((i = 0; i < count; ++i)); do printf '127.0.0.1:{%s-%d.grpc}\n' "$role" "$i"; done
  } >"$SPEC_DIR/run/$role.addresses.in"
}

# spec_render FILE: it is made from FILE.in before the process starts, and when the cluster is scaled.
spec_render() { printf 'render %s %s\n' "$1.in" "$1"; }

spec_redis() {
  local MESH_ARGS
  mesh_redis_server_args
  printf 'process redis\nrole redis\ntier %d\n' "$TIER_STORES"
  mesh_redis_port
  printf 'probe redis %s\n' "$SPEC_DIR/run/redis.sock"
  printf 'stop %s\n' "$SPEC_REDIS_STOP"
  spec_without_secrets
  spec_args "$(command -v redis-server)" "$LOCAL_DIR/redis.conf" \
    --unixsocket "$SPEC_DIR/run/redis.sock" --dir "$SPEC_DIR/redis" \
    "${MESH_ARGS[@]}" "${SPEC_REDIS_OPTIONS[@]}"
}

spec_postgres() {
  local home socket
  home=$(readlink -f "$SPEC_DIR/postgres")
  socket=$(readlink -f "$SPEC_DIR/run/pg")
  printf 'process postgres\nrole postgres\ntier %d\n' "$TIER_STORES"
  printf 'probe postgres %s\n' "$SPEC_DIR/run/pg/$PG_SOCKET_NAME"
  printf 'stop %s\nuser postgres\n' "$SPEC_POSTGRES_STOP"
  spec_without_secrets
  spec_args "$PG_BIN/postgres" -D "$home/data" -k "$socket" \
    "--config-file=$home/postgresql.conf" "${SPEC_POSTGRES_OPTIONS[@]}"
}

# spec_service ROLE INDEX TIER PROGRAM ARG...: what the services have in common.
spec_service() {
  local name=$1-$2 MESH_ARGS
  mesh_grpc_args "$1"
  printf 'process %s\nrole %s\ntier %d\nport admin\n' "$name" "$1" "$3"
  printf 'probe http {%s.admin}\nstop TERM %d\n' "$name" "$SPEC_STOP_MS"
  spec_args "$RELEASE_BIN/$4" --name "$name" --admin "127.0.0.1:{$name.admin}" \
    --shards "$SPEC_SHARDS" "${MESH_ARGS[@]}" "${@:5}"
}

spec_storage() {
  local MESH_ARGS
  mesh_redis_args storage
  spec_service storage "$1" "$TIER_STORAGE" topgun-storage \
    --grpc "127.0.0.1:{storage-$1.grpc}" "${MESH_ARGS[@]}" \
    --postgres "${SPEC_POSTGRES:-host=$SPEC_DIR/run/pg dbname=topgun user=topgun}"
  printf 'port grpc\n'
  spec_without_secrets
}

spec_sync() {
  local storage=null MESH_ARGS
  mesh_redis_args sync
  if ((SPEC_STORAGE > 0)); then storage=file:$SPEC_DIR/run/storage.addresses; fi
  spec_service sync "$1" "$TIER_SYNC" topgun-sync \
    --grpc "127.0.0.1:{sync-$1.grpc}" "${MESH_ARGS[@]}" \
    --storage "$storage"
  printf 'port grpc\n'
  if ((SPEC_STORAGE > 0)); then spec_render "$SPEC_DIR/run/storage.addresses"; fi
  spec_without_secrets
}

spec_gateway() {
  local host=$SPEC_HOST
  if [[ $host == *:* ]]; then host="[$host]"; fi
  spec_service gateway "$1" "$TIER_GATEWAY" topgun-gateway \
    --listen "$host:{gateway-$1.ws}" \
    --sync "${SPEC_SYNC_ADDRESSES:-file:$SPEC_DIR/run/sync.addresses}" \
    "${SPEC_GATEWAY_OPTIONS[@]}"
  if [[ -z ${SPEC_SYNC_ADDRESSES:-} ]]; then spec_render "$SPEC_DIR/run/sync.addresses"; fi
  if ((SPEC_PORT > 0)); then
    printf 'port ws %d\n' $((SPEC_PORT + $1))
  else
    printf 'port ws\n'
  fi
}

spec_prometheus() {
  local dir=$SPEC_DIR/prometheus
  mkdir -p "$dir"
  prometheus_config >"$SPEC_DIR/run/prometheus.yml"
  printf 'process prometheus\nrole prometheus\ntier %d\nport admin\n' "$TIER_PROMETHEUS"
  # Prometheus has no /readyz of the services' kind; it answers nothing before it is ready.
  printf 'probe none\nstop TERM 10000\n'
  spec_without_secrets
  local role
  for role in storage sync gateway; do spec_render "$SPEC_DIR/run/targets-$role.yml"; done
  spec_args "$(command -v prometheus)" "--config.file=$SPEC_DIR/run/prometheus.yml" \
    "--storage.tsdb.path=$dir" "--web.listen-address=127.0.0.1:{prometheus.admin}"
}

prometheus_config() {
  printf 'global:\n  scrape_interval: 5s\n  evaluation_interval: 15s\n'
  printf 'rule_files: ["%s"]\n' "$TOPGUN_ROOT/deploy/monitoring/rules/*.yml"
  printf 'scrape_configs:\n'
  spec_scrape_job storage "$SPEC_STORAGE"
  spec_scrape_job sync "$SPEC_SYNC"
  spec_scrape_job gateway "$SPEC_GATEWAYS"
  # There once `./topgun load --prometheus` has run.
  printf '  - job_name: topgun-loadgen\n    file_sd_configs:\n'
  printf '      - files: ["%s"]\n' "$SPEC_DIR/run/targets-loadgen.yml"
}

spec_scrape_job() {
  local role=$1 count=$2 i
  printf '  - job_name: topgun-%s\n    file_sd_configs:\n' "$role"
  printf '      - files: ["%s"]\n' "$SPEC_DIR/run/targets-$role.yml"
  {
    printf '# Followed by Prometheus while it runs.\n'
    if ((count == 0)); then printf '[]\n'; fi
    for ((i = 0; i < count; ++i)); do
      printf -- '- targets: ["127.0.0.1:{%s-%d.admin}"]\n' "$role" "$i"
      printf '  labels: {instance: "%s-%d"}\n' "$role" "$i"
    done
  } >"$SPEC_DIR/run/targets-$role.yml.in"
}
