# shellcheck shell=bash
# Compiling with the presets of CMakePresets.json, each in build/<preset>.

SERVICE_TARGETS=(topgun-gateway topgun-sync topgun-storage topgun-loadgen topgun-supervisor topgunctl)

build_help() {
  cat <<'EOF'
usage: ./topgun build [--preset NAME] [TARGET...]

Compiles with a preset of CMakePresets.json: release (default), dev (address and undefined behaviour
sanitizers), tsan, fuzz or coverage. Without a target: the programs that make a cluster; "all" adds
the tests. The result is in build/NAME/bin.
EOF
}

build_main() {
  local preset=release targets=()
  while (($# > 0)); do
    case $1 in
      --preset)
        preset=$(value_of "$@")
        shift
        ;;
      -*) die "build: unknown option '$1'; see ./topgun build --help" ;;
      *) targets+=("$1") ;;
    esac
    shift
  done
  ((${#targets[@]} > 0)) || targets=("${SERVICE_TARGETS[@]}")
  load deps
  install_packages build
  build_tree "$preset" "${targets[@]}"
}

# configure_tree PRESET [CMAKE OPTION...]
configure_tree() {
  cd "$TOPGUN_ROOT"
  cmake --preset "$1" "${@:2}" >&2 || die "cmake cannot configure the preset '$1' (see above)"
}

# build_tree PRESET TARGET...: progress goes to stderr, so that callers may own stdout.
build_tree() {
  local preset=$1
  shift
  cd "$TOPGUN_ROOT"
  [[ -f build/$preset/build.ninja ]] || configure_tree "$preset"
  cmake --build "build/$preset" -j "$(nproc)" --target "$@" >&2 ||
    die "the build failed (see above)"
}
