# shellcheck shell=bash
# topgunctl with the addresses and the secret of a local cluster.

load cluster

# ctl_help [ARGUMENT ...]: topgunctl explains itself.
ctl_help() {
  cat <<'EOT'
usage: ./topgun ctl [--data DIR] [topgunctl arguments]

Runs topgunctl against the local cluster: status, doctor, connections, maps, merkle diff, drain, ...
Without arguments it lists them; docs/topgunctl.md has examples.

EOT
  if [[ -x $RELEASE_BIN/topgunctl ]]; then "$RELEASE_BIN/topgunctl" "$@"; fi
}

ctl_main() {
  take_data_dir "$@"
  [[ -x $RELEASE_BIN/topgunctl ]] || die "topgunctl is not built; ./topgun build does that"
  exec "$RELEASE_BIN/topgunctl" --data "$DATA_DIR" "${OTHER_ARGUMENTS[@]}"
}
