# shellcheck shell=bash
# Measuring: the suite in tests/bench.

load deps build

bench_help() {
  cat <<'EOF'
usage: ./topgun bench [options]

Runs the table of workloads, each on clusters of its own, and prints what they reach beside their
targets. JSON, HTML and every single run are kept in a folder below .topgun/bench.

  --quick             every row once and short: a few minutes (the default)
  --full              medians of five runs, the whole matrix, the soak: hours
  --row NAME          this row only; may be repeated
  --list              print the rows with their targets, run nothing
  --runs N            so many runs of each row
  --duration TIME     measure so long in each run, e.g. 30s or 5m
  --out DIR           keep everything in DIR
  --resume DIR        go on with an interrupted suite, or print a finished one again
  --json FILE         write the report there as well
  --html FILE         write the page with charts there as well
  --markdown FILE     write the tables there; an existing page gets them between its bench markers
  --compare OLD.json  print ratios to an earlier report
  --tolerance 10%     how much worse than OLD.json a figure may be
  --data DIR          where .topgun/bench is otherwise (default: .topgun in the repository)
  --no-build          use the programs of the last build as they are

Exit code: 0 measured, whatever the figures; 1 worse than OLD.json beyond the tolerance; 2 a run
failed; 3 usage; 130 interrupted.
EOF
}

bench_main() {
  local build=true arguments=() argument
  for argument in "$@"; do
    case $argument in
      --no-build) build=false ;;
      --list) build=false arguments+=("$argument") ;;
      *) arguments+=("$argument") ;;
    esac
  done
  install_packages run test
  if $build; then
    install_packages build
    # Apart, because it changes the folder that the files of the options are relative to.
    (build_tree release "${SERVICE_TARGETS[@]}")
  fi
  exec node "$TOPGUN_ROOT/tests/bench/main.mjs" "${arguments[@]}"
}
