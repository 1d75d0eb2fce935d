# shellcheck shell=bash
# Driving load through a running cluster.

load certificates cluster

load_help() {
  cat <<'EOF'
usage: ./topgun load [--data DIR] [--smoke] [topgun-loadgen arguments]

Runs the load generator against all gateways of the running cluster. --smoke is a short run that
checks the whole way; build/release/bin/topgun-loadgen --help lists what else it can do. With
--prometheus :9100 the Prometheus of `./topgun up --prometheus` reads the run as well.
./topgun bench measures with clusters of its own.
EOF
}

load_main() {
  take_data_dir "$@"
  set -- "${OTHER_ARGUMENTS[@]}"
  local dir=$DATA_DIR arguments=() url pids metrics port=""
  while (($# > 0)); do
    case $1 in
      --smoke) arguments+=(--scenario smoke) ;;
      --prometheus)
        port=$(value_of "$@")
        port=${port##*:}
        arguments+=("$1")
        ;;
      --) ;;
      *) arguments+=("$1") ;;
    esac
    shift
  done
  require_ready "$dir"
  while read -r url; do arguments=(--url "$url" "${arguments[@]}"); done < <(cluster_urls "$dir")
  if cluster_speaks_tls "$dir"; then arguments=(--tls-ca-file "$(ca_file "$dir")" "${arguments[@]}"); fi
  # Lets it report the CPU that each process spends per operation.
  pids=$(cluster_rows "$dir" | awk -F '\t' '$3 != "-" { printf "%s%s=%s", sep, $2, $3; sep = "," }')
  # And what the services say about themselves: memory, Redis and Postgres work, backlog.
  metrics=$(cluster_rows "$dir" | awk -F '\t' '$1 ~ /^(gateway|sync|storage)$/ && $6 != "-" {
    printf "%s%s=http://127.0.0.1:%s/metrics", sep, $2, $6; sep = "," }')
  arguments=(--pids "$pids" --metrics "$metrics" "${arguments[@]}")
  if [[ -f $dir/run/secret ]]; then
    JWT_SECRET=$(cluster_secret "$dir")
    export JWT_SECRET
  else
    arguments=(--no-auth "${arguments[@]}")
  fi
  if [[ -n $port ]]; then tell_prometheus "$dir" "$port"; fi
  exec "$RELEASE_BIN/topgun-loadgen" "${arguments[@]}"
}

# tell_prometheus DIR PORT: where that of `./topgun up --prometheus` finds this run.
tell_prometheus() {
  printf -- '- targets: ["127.0.0.1:%s"]\n  labels: {instance: "loadgen"}\n' "$2" >"$1/run/targets-loadgen.yml"
}
