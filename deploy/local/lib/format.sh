# shellcheck shell=bash
# Formatting the sources, and the lists of files that lint and format work on.

load deps

format_help() {
  cat <<'EOF'
usage: ./topgun format [--changed]

Formats the C++ and proto sources with clang-format. --changed: only files that differ from the
last commit.
EOF
}

format_main() {
  local changed=false files
  if [[ ${1:-} == --changed ]]; then changed=true && shift; fi
  (($# == 0)) || die "format: unknown argument '$1'; see ./topgun format --help"
  install_packages lint
  cd "$TOPGUN_ROOT"
  mapfile -t files < <(source_files $changed '*.h' '*.cc' '*.proto')
  ((${#files[@]} > 0)) || return 0
  clang-format -i "${files[@]}"
}

# source_files CHANGED PATTERN...: our files that match, tracked or new.
source_files() {
  local changed=$1
  shift
  if $changed; then
    git diff --name-only --diff-filter=d HEAD -- "$@"
  else
    git ls-files -- "$@"
  fi
  git ls-files --others --exclude-standard -- "$@"
}
