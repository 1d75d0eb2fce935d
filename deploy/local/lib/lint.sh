# shellcheck shell=bash
# Checking style: clang-format, clang-tidy, shellcheck. Every check runs, then the verdict.

load deps build format

lint_help() {
  cat <<'EOF'
usage: ./topgun lint [--changed]

Checks the formatting of C++ and proto files, clang-tidy (with the compile commands of the preset
lint) and the shell scripts. clang-tidy takes some 15 s of a core per file: hours for all of them.

  --changed   only files that differ from the last commit
EOF
}

lint_main() {
  local changed=false failed=0
  if [[ ${1:-} == --changed ]]; then changed=true && shift; fi
  (($# == 0)) || die "lint: unknown argument '$1'; see ./topgun lint --help"
  install_packages build lint
  cd "$TOPGUN_ROOT"
  lint_format "$changed" || failed=1
  lint_shell "$changed" || failed=1
  lint_tidy "$changed" || failed=1
  if ((failed == 0)); then note "lint: clean"; else note "lint: see the lines above"; fi
  return "$failed"
}

lint_format() {
  local files
  mapfile -t files < <(source_files "$1" '*.h' '*.cc' '*.proto')
  ((${#files[@]} == 0)) || clang-format --dry-run -Werror "${files[@]}"
}

lint_shell() {
  local files
  mapfile -t files < <(source_files "$1" '*.sh' topgun .ci/run deploy/local/topgun-server deploy/local/topgun-keeper)
  ((${#files[@]} == 0)) || shellcheck --external-sources "${files[@]}"
}

# Generated headers must exist, so what generates them is built first. In a tree of its own, because
# that of the tests may compile several files as one, which leaves single files without a command.
lint_tidy() {
  local files
  mapfile -t files < <(source_files "$1" '*.cc' | grep -v '^tests/fuzz/' || true)
  ((${#files[@]} > 0)) || return 0
  build_tree lint topgun_sync_proto topgun_storage_proto topgun_loadgen_proto
  note "lint: clang-tidy, ${#files[@]} files"
  printf '%s\n' "${files[@]}" |
    xargs -P "$(nproc)" -n 4 clang-tidy -p build/lint --quiet --warnings-as-errors='*'
}
