# shellcheck shell=bash
# Showing why a running cluster is as fast as it is. A mode is a Node.js program below
# deploy/local/profile; what its first line says after the name is what the help says about it.

load deps

# profile_help [MODE ...]: a mode explains itself.
profile_help() {
  local mode
  if [[ ${1:-} =~ ^[a-z]+$ ]]; then
    profile_main "$1" --help
    return
  fi
  cat <<'EOF'
usage: ./topgun profile MODE [options]        ./topgun profile MODE --help explains a mode

Looks into a running cluster, best while load runs. docs/profiling.md has examples.

EOF
  while read -r mode; do
    printf '  %-9s %s\n' "$mode" "$(sed -n "1s|^// $mode: ||p" "$LOCAL_DIR/profile/$mode.mjs")"
  done < <(profile_modes)
}

profile_modes() {
  local file
  for file in "$LOCAL_DIR"/profile/*.mjs; do
    [[ ! -f $file ]] || basename "$file" .mjs
  done
}

profile_main() {
  local mode=${1:-}
  [[ -n $mode ]] || die "profile: which mode? ./topgun profile --help lists them"
  [[ $mode =~ ^[a-z]+$ && -f $LOCAL_DIR/profile/$mode.mjs ]] ||
    die "profile: no mode '$mode'; there are: $(profile_modes | paste -sd ' ')"
  shift
  install_packages profile
  exec node "$LOCAL_DIR/profile/$mode.mjs" "$@"
}
