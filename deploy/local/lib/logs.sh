# shellcheck shell=bash
# Showing logs.

logs_help() {
  cat <<'EOF'
usage: ./topgun logs [NAME] [--data DIR] [--follow] [--lines N]

Shows the end of the logs: of all processes, of one (gateway-0, redis, supervisor) or of all of one
role (sync). Our services log one JSON object per line. The files are DIR/log/NAME.log; older lines
are in NAME.log.1.
EOF
}

logs_main() {
  take_data_dir "$@"
  set -- "${OTHER_ARGUMENTS[@]}"
  local dir=$DATA_DIR lines=50 follow=() name="" files
  while (($# > 0)); do
    case $1 in
      --lines | -n)
        lines=$(number_of --lines "$(value_of "$@")" 0 999999999)
        shift
        ;;
      --follow | -f) follow=(--follow=name --retry) ;;
      -*) die "logs: unknown option '$1'; see ./topgun logs --help" ;;
      *) name=$1 ;;
    esac
    shift
  done
  [[ -d $dir/log ]] || die "there are no logs in $dir; ./topgun up starts a cluster"
  shopt -s nullglob
  files=("$dir/log/$name".log "$dir/log/$name"-*.log)
  [[ -n $name ]] || files=("$dir"/log/*.log)
  [[ -f ${files[0]} ]] || files=("${files[@]:1}")
  ((${#files[@]} > 0)) || die "no process '$name'; ./topgun ps shows the names"
  exec tail --lines "$lines" "${follow[@]}" "${files[@]}"
}
