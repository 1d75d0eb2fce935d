# shellcheck shell=bash
# Micro-benchmarks of the hot paths, and their instruction counts.

load deps build

readonly BENCH_MICRO=$TOPGUN_ROOT/build/micro/bin/bench_micro
readonly MICRO_RECORDED=$TOPGUN_ROOT/tests/micro/instructions.json

micro_help() {
  cat <<'EOF'
usage: ./topgun micro [--filter RE] [--list] [Google Benchmark flags]
       ./topgun micro --callgrind [--filter RE] [--update] [--dumps DIR]

Times the hot paths without I/O (tests/micro); needs a quiet machine. With --callgrind counts their
instructions instead, the same on every run, and compares them with tests/micro/instructions.json:
exit code 1 when one is more than 2 % above. Nothing is compared when compiler, libc or valgrind are
not those it was recorded with.

  --filter RE   only the cases that match
  --list        names them
  --update      record the counts
  --dumps DIR   keep callgrind's files there, one per case, for callgrind_annotate
EOF
}

micro_main() {
  local callgrind=false update=() filter=() dumps="" arguments=()
  while (($# > 0)); do
    case $1 in
      --callgrind) callgrind=true ;;
      --update) update=(--update) ;;
      --filter)
        filter=(--filter "$(value_of "$@")")
        shift
        ;;
      --dumps)
        dumps=$(absolute_path "$(value_of "$@")")
        shift
        ;;
      *) arguments+=("$1") ;;
    esac
    shift
  done
  if $callgrind; then
    ((${#arguments[@]} == 0)) ||
      die "micro: unknown option '${arguments[0]}' with --callgrind; see ./topgun micro --help"
    micro_build
    micro_count
  else
    [[ -z ${update[*]}$dumps ]] || die "--update and --dumps belong to --callgrind"
    micro_build
    exec "$BENCH_MICRO" "${filter[@]}" "${arguments[@]}"
  fi
}

micro_build() {
  install_packages build micro
  cd "$TOPGUN_ROOT"
  # The tree may have been configured before the packages were there.
  if [[ -f build/micro/build.ninja ]] && ! grep -q bench_micro build/micro/build.ninja; then
    configure_tree micro
  fi
  build_tree micro bench_micro
}

# Uses the variables of micro_main.
micro_count() {
  if [[ -z $dumps ]]; then
    dumps=$(mktemp -d)
    # shellcheck disable=SC2064 # the folder of now
    trap "rm -rf '$dumps'" EXIT
  fi
  mkdir -p "$dumps"
  rm -f "$dumps"/callgrind.out*
  valgrind --quiet --tool=callgrind --instr-atstart=no --dump-instr=yes \
    --callgrind-out-file="$dumps/callgrind.out" \
    "$BENCH_MICRO" --count "${filter[@]}" >&2 || die "the count failed (see above)"
  "$BENCH_MICRO" --report "$dumps" --recorded "$MICRO_RECORDED" \
    --valgrind "$(valgrind --version)" "${filter[@]}" "${update[@]}"
}
