#!/usr/bin/env bash
# Fails when the generated pages of docs/ differ from what the programs in BIN_DIR say now.
#
#   tests/support/check_generated_docs.sh BIN_DIR
set -euo pipefail

readonly bin_dir=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
readonly root

fresh=$(mktemp -d)
readonly fresh
trap 'rm -rf "$fresh"' EXIT

"$root/docs/generate.sh" "$bin_dir" "$fresh"
stale=0
for page in configuration.md metrics.md; do
  diff -u --label "docs/$page" --label "generated" "$root/docs/$page" "$fresh/$page" || stale=1
done
if ((stale)); then
  echo "The pages are out of date: run ./topgun docs and commit them." >&2
fi
exit "$stale"
