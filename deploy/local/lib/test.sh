# shellcheck shell=bash
# Building and running the tests. Unit, contract, integration and fuzz tests run from build/dev (with
# sanitizers); end-to-end tests and those of what is deployed use the programs of build/release.

load deps build

readonly DEV_LABELS=(unit contract integration fuzz)
readonly RELEASE_LABELS=(e2e deploy)
# As one pattern, for ctest.
readonly RELEASE_PATTERN='^(e2e|deploy)$'

test_help() {
  cat <<'EOF'
usage: ./topgun test [ctest arguments]

Builds and runs every test: unit, contract, integration and fuzz from build/dev (address and
undefined behaviour sanitizers), e2e and deploy (manifests, rules, dashboards) from build/release.
Arguments go to ctest; labels select, and what they exclude is not built either:

  ./topgun test -L unit
  ./topgun test -L e2e -R failover
  ./topgun test -LE 'e2e|fuzz'

A test of build/release that fails runs a second time: a busy machine can outlast its patience;
both outputs are shown and the closing lines name it. TOPGUN_TEST_ONCE=1 allows one attempt only.
Exit code 0 only if every test that ran passed.
EOF
}

test_main() {
  parse_label_arguments "$@"
  local label dev_targets=() release_targets=()
  for label in "${DEV_LABELS[@]}"; do
    if label_selected "$label"; then dev_targets+=("tests_$label"); fi
  done
  for label in "${RELEASE_LABELS[@]}"; do
    if label_selected "$label"; then release_targets+=("tests_$label"); fi
  done
  ((${#dev_targets[@]} + ${#release_targets[@]} > 0)) ||
    die "no label matches; there are ${DEV_LABELS[*]} ${RELEASE_LABELS[*]}"
  # Some of these compare what the programs say with docs/, or run them.
  if label_selected contract || label_selected integration; then
    dev_targets+=("${SERVICE_TARGETS[@]}")
  fi

  install_packages build run test
  REPORT=$(mktemp -d)
  trap 'rm -rf "$REPORT"' EXIT
  local failed=0
  if ((${#dev_targets[@]} > 0)); then
    configure_fast_dev_tree
    build_tree dev "${dev_targets[@]}"
    run_ctest dev --label-exclude "$RELEASE_PATTERN" --parallel "$(nproc)" "$@" || failed=1
  fi
  if ((${#release_targets[@]} > 0)); then
    for label in "${RELEASE_LABELS[@]}"; do
      if label_selected "$label"; then install_node_modules "$label"; fi
    done
    # One of these looks at a running cluster with the checks of what is deployed.
    if label_selected e2e; then install_node_modules deploy; fi
    build_tree release "${SERVICE_TARGETS[@]}" "${release_targets[@]}"
    run_ctest release --label-regex "$RELEASE_PATTERN" --parallel "$(nproc)" "$@" || failed=1
  fi
  print_closing_lines
  return "$failed"
}

# A tree that is not there yet compiles the files of a target in batches: from nothing that takes
# half of the time. A tree that is there stays as it is, so that nothing is compiled anew.
configure_fast_dev_tree() {
  [[ -f $TOPGUN_ROOT/build/dev/build.ninja ]] || configure_tree dev -DTOPGUN_UNITY=ON
}

# The label patterns among ctest's arguments, so that only what they select is built.
parse_label_arguments() {
  INCLUDED_LABELS=() EXCLUDED_LABELS=()
  while (($# > 0)); do
    case $1 in
      -L | --label-regex) INCLUDED_LABELS+=("${2-}") && shift ;;
      -LE | --label-exclude) EXCLUDED_LABELS+=("${2-}") && shift ;;
    esac
    shift || true
  done
}

label_selected() {
  local label=$1 pattern
  for pattern in "${INCLUDED_LABELS[@]}"; do [[ $label =~ $pattern ]] || return 1; done
  for pattern in "${EXCLUDED_LABELS[@]}"; do [[ ! $label =~ $pattern ]] || return 1; done
}

# run_ctest PRESET ARG...: keeps the output for print_closing_lines.
run_ctest() {
  local preset=$1 attempts=()
  shift
  if [[ -z ${TOPGUN_TEST_ONCE-} ]]; then attempts=(--repeat until-pass:2); fi
  note "running the tests of build/$preset"
  ctest --test-dir "$TOPGUN_ROOT/build/$preset" --output-on-failure "${attempts[@]}" "$@" |
    tee "$REPORT/$preset"
}

# What ctest says at its end, of both runs together, as the last lines of the output.
print_closing_lines() {
  local report
  for report in "$REPORT"/*; do
    printf '\n== build/%s\n' "${report##*/}"
    sed -nE 's/.* Test +#[0-9]+: ([a-z_0-9]+) \.*\*\*\*Skipped.*/skipped: \1/p' "$report" | sort -u
    sed -nE 's/.* Test +#[0-9]+: ([a-z_0-9]+) \.*\*\*\*(Failed|Timeout).*/failed at least once: \1/p' "$report" | sort -u
    sed -n '/tests passed, .* tests\? failed/,$p; /^No tests were found/p' "$report"
  done
}

# install_node_modules LABEL: the Node.js packages of its tests, as the lock file says.
install_node_modules() {
  local dir=$TOPGUN_ROOT/tests/$1
  [[ -f $dir/package-lock.json ]] || return 0
  if [[ $dir/node_modules/.package-lock.json -nt $dir/package-lock.json ]]; then return; fi
  npm --prefix "$dir" ci --ignore-scripts --no-audit --no-fund >&2 ||
    die "npm could not install the test packages; is the npm registry reachable?"
}
