# shellcheck shell=bash
# The generated pages of docs/.

load build deps

docs_help() {
  cat <<'EOF'
usage: ./topgun docs

Builds the programs and lets them write the generated pages of docs/ (metrics, configuration) again.
A test compares the pages with what the programs say.
EOF
}

docs_main() {
  (($# == 0)) || die "docs: unknown argument '$1'; see ./topgun docs --help"
  install_packages build
  build_tree release "${SERVICE_TARGETS[@]}"
  exec "$TOPGUN_ROOT/docs/generate.sh" "$RELEASE_BIN"
}
