# shellcheck shell=bash
# TLS behind the gateways of a local cluster (`up --tls`): between the services, each of which proves
# its role, and to Redis, where they log in as a user who may only do what they need. Postgres stays
# on its Unix socket. All functions read SPEC_DIR and SPEC_TLS.

mesh_enabled() { ${SPEC_TLS:-false}; }

# prepare_mesh: certificates of the roles and of Redis, its user and his password, all in DIR/tls.
prepare_mesh() {
  local role
  mesh_enabled || return 0
  for role in gateway sync storage; do
    ensure_certificate "$SPEC_DIR" "grpc-$role" "topgun-$role" localhost 127.0.0.1
  done
  ensure_certificate "$SPEC_DIR" grpc-topgunctl topgunctl  # who looks at them
  ensure_certificate "$SPEC_DIR" redis localhost 127.0.0.1
  [[ -s $SPEC_DIR/tls/redis-password ]] ||
    (umask 077 && openssl rand -hex 24 >"$SPEC_DIR/tls/redis-password")
  (umask 077 && redis_users >"$SPEC_DIR/tls/redis.acl")
}

# The default user is whoever has the Unix socket, or a certificate of the cluster.
redis_users() {
  local rule hash
  rule=$(<"$TOPGUN_ROOT/deploy/redis/permissions.acl")
  hash=$(printf '%s' "$(<"$SPEC_DIR/tls/redis-password")" | sha256sum | cut -d ' ' -f 1)
  printf 'user default on nopass ~* &* +@all\n'
  printf 'user topgun on #%s %s\n' "$hash" "${rule//tg:/${TOPGUN_REDIS_PREFIX:-tg}:}"
}

# mesh_peers ROLE: the names of those who call the role, or are called by it.
mesh_peers() {
  case $1 in
    gateway) printf topgun-sync ;;
    sync) printf topgun-gateway,topgun-storage,topgunctl ;;
    storage) printf topgun-sync,topgunctl ;;
  esac
}

# mesh_grpc_args ROLE: sets MESH_ARGS to what a service of the role is told about gRPC.
mesh_grpc_args() {
  MESH_ARGS=()
  mesh_enabled || return 0
  MESH_ARGS=(--grpc-tls-certificate-file "$SPEC_DIR/tls/grpc-$1.crt"
    --grpc-tls-key-file "$SPEC_DIR/tls/grpc-$1.key" --grpc-tls-ca-file "$SPEC_DIR/tls/ca.crt"
    --grpc-tls-peer-names "$(mesh_peers "$1")")
}

# mesh_redis_args ROLE: sets MESH_ARGS to what a service of the role is told about Redis. Of one that
# runs elsewhere (SPEC_REDIS) the environment tells the login and the certificates.
mesh_redis_args() {
  MESH_ARGS=(--redis "${SPEC_REDIS:-unix:$SPEC_DIR/run/redis.sock}")
  [[ -z ${SPEC_REDIS:-} ]] || return 0
  mesh_enabled || return 0
  MESH_ARGS=(--redis "127.0.0.1:{redis.tls}" --redis-username topgun
    --redis-password-file "$SPEC_DIR/tls/redis-password"
    --redis-tls --redis-tls-ca-file "$SPEC_DIR/tls/ca.crt"
    --redis-tls-certificate-file "$SPEC_DIR/tls/grpc-$1.crt"
    --redis-tls-key-file "$SPEC_DIR/tls/grpc-$1.key")
}

# mesh_redis_server_args: sets MESH_ARGS to what Redis itself is told; its port is declared by
# mesh_redis_port.
mesh_redis_server_args() {
  MESH_ARGS=()
  mesh_enabled || return 0
  MESH_ARGS=(--tls-port "{redis.tls}" --bind 127.0.0.1 --tls-auth-clients yes
    --tls-cert-file "$SPEC_DIR/tls/redis.crt" --tls-key-file "$SPEC_DIR/tls/redis.key"
    --tls-ca-cert-file "$SPEC_DIR/tls/ca.crt" --aclfile "$SPEC_DIR/tls/redis.acl")
}

mesh_redis_port() {
  if mesh_enabled; then printf 'port tls\n'; fi
}
