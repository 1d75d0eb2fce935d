# shellcheck shell=bash
# Restarting processes of a running cluster, one after the other.

load cluster spec

restart_help() {
  cat <<'EOF'
usage: ./topgun restart [--data DIR] [--grace SECONDS] [NAME...]

Restarts processes one after the other: each is stopped in an orderly way, started again, and ready
before the next is touched. NAME is a process or a role of ./topgun ps, or 'all'. Without a name
the storage, sync and gateway processes are restarted; 'all' includes Redis, Postgres and Prometheus.
Prints for each how long it took. Clients reconnect by themselves, and nothing acknowledged is lost.

  --grace SECONDS   how long each may take to stop until it is killed (default: what ./topgun up was
                    told, 30 without; for Redis and Postgres 20)
EOF
}

restart_main() {
  take_data_dir "$@"
  set -- "${OTHER_ARGUMENTS[@]}"
  local dir=$DATA_DIR names=() grace="" value
  while (($# > 0)); do
    case $1 in
      --grace)
        value=$(value_of "$@")
        value=$(grace_ms "$1" "$value")
        grace="--grace $value "
        shift
        ;;
      -*) die "restart: unknown option '$1'; see ./topgun restart --help" ;;
      *) names+=("$1") ;;
    esac
    shift
  done
  require_ready "$dir"
  if ((${#names[@]} == 0)); then
    mapfile -t names < <(restart_names "$dir" '^(storage|sync|gateway)$')
  elif [[ " ${names[*]} " == *" all "* ]]; then
    mapfile -t names < <(restart_names "$dir" '.')
  fi
  cluster_tell "$dir" "restart $grace${names[*]}"
}

# restart_names DIR PATTERN: the processes whose role matches.
restart_names() {
  cluster_rows "$1" | awk -F '\t' -v pattern="$2" '$1 ~ pattern { print $2 }'
}
