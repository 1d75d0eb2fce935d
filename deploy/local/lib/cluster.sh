# shellcheck shell=bash
# A local cluster is a folder DIR:
#   secret            generated JWT secret            shards      number of shards, fixed for good
#   redis/ postgres/  data of the private servers     prometheus/ samples, when asked for
#   scale             how many of each, as the last `scale` said
#   log/              NAME.log of every process       run/        what exists only while it runs:
#     lock            held from `up` until the supervisor's end
#     spec.env        what `up` was asked for         NAME.addresses  where the services are
#     cluster.spec    the supervisor's input          state.json, state.tsv, ready: its output
#     secret          the JWT secret in use           redis.sock, pg/, control.sock: sockets
#     tls             there while clients need TLS
#   tls/              authority and certificates, when asked for (certificates.sh)

# cluster_running DIR: true while a supervisor, or an `up` in progress, owns DIR.
cluster_running() {
  local dir=$1
  [[ -f $dir/run/lock ]] && ! flock --nonblock --shared "$dir/run/lock" true
}

# require_ready DIR: ends the script unless a cluster has come up there.
require_ready() {
  local dir=$1
  if ! cluster_running "$dir" || [[ ! -e $dir/run/ready ]]; then
    die "no cluster is ready on $dir; start one with ./topgun up"
  fi
}

# cluster_lock DIR: takes the lock for this process and its children (the supervisor keeps it).
cluster_lock() {
  local dir=$1
  exec {CLUSTER_LOCK_FD}>>"$dir/run/lock"
  # A moment of patience: cluster_running holds it shared for an instant.
  flock --timeout 1 "$CLUSTER_LOCK_FD" || die_running "$dir"
}

die_running() {
  die "a cluster is already running on $1; './topgun ps' shows it, './topgun down' stops it," \
    "--data DIR starts another one"
}

cluster_secret_file() {
  local dir=$1
  if [[ -f $dir/run/secret ]]; then
    printf '%s' "$dir/run/secret"
  else
    printf '%s' "$dir/secret"
  fi
}

# cluster_secret DIR: JWT_SECRET, else the one the cluster runs with, else the generated one.
cluster_secret() {
  local dir=$1
  if [[ -n ${JWT_SECRET:-} ]]; then
    printf '%s' "$JWT_SECRET"
    return
  fi
  if [[ ! -f $dir/secret ]]; then
    mkdir -p "$dir"
    (umask 077 && openssl rand -hex 48 >"$dir/secret")
  fi
  cat "$(cluster_secret_file "$dir")"
}

is_true() { [[ ${1,,} == 1 || ${1,,} == true ]]; }

# cluster_rows DIR: the rows of state.tsv. What a killed supervisor left behind counts as down.
cluster_rows() {
  local dir=$1
  [[ -f $dir/run/state.tsv ]] || return 0
  if cluster_running "$dir"; then
    cat "$dir/run/state.tsv"
  else
    awk -F '\t' -v OFS='\t' '{ $3 = "-"; $7 = "false"; print }' "$dir/run/state.tsv"
  fi
}

# scaled_count DIR ROLE: how many processes of a role the last `scale` asked for; 1 before.
scaled_count() {
  local count=""
  if [[ -f $1/scale ]]; then count=$(awk -v role="$2" '$1 == role { print $2 }' "$1/scale"); fi
  printf '%s' "${count:-1}"
}

# cluster_urls DIR: the WebSocket URL of every gateway, one per line.
cluster_urls() {
  local scheme=ws
  if cluster_speaks_tls "$1"; then scheme=wss; fi
  cluster_rows "$1" | awk -F '\t' -v scheme="$scheme" \
    '$1 == "gateway" { print scheme "://127.0.0.1:" $4 "/ws" }'
}

# cluster_speaks_tls DIR: true when clients reach its gateways with wss and https.
cluster_speaks_tls() { [[ -e $1/run/tls ]]; }

# cluster_tell DIR COMMAND: has the supervisor do it, prints what it says; ends the script if it fails.
cluster_tell() {
  local dir=$1 command=$2
  "$RELEASE_BIN/topgun-supervisor" --dir "$dir" --tell "$command" || die "'$command' was not completed"
}
