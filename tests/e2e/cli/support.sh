# shellcheck shell=bash
# What the tests of the entry script share. A test that fails says where, and leaves nothing running.
set -eEuo pipefail
shopt -s inherit_errexit

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd -P)
TOPGUN=$ROOT/topgun
WORK=$(mktemp -d /tmp/topgun-cli.XXXXXX)
chmod 755 "$WORK" # the account of Postgres passes through
readonly PATIENCE_S=60
unset JWT_SECRET TOPGUN_NO_AUTH STORAGE_BACKEND TOPGUN_DATA_DIR

cleanup() {
  local status=$? dir
  trap - EXIT
  for dir in "$WORK"/*/; do
    if ((status != 0)); then tail -n 20 "$dir"log/*.log 2>/dev/null || true; fi
    [[ ! -d ${dir}run ]] || "$TOPGUN" down --data "$dir" 2>/dev/null || true
  done
  rm -rf "$WORK"
  exit "$status"
}
trap cleanup EXIT
trap 'printf "%s:%d: failed: %s\n" "$0" "$LINENO" "$BASH_COMMAND" >&2' ERR

fail() {
  printf '%s:%d: %s\n' "$0" "${BASH_LINENO[1]}" "$*" >&2
  exit 1
}

expect_equal() {
  [[ $1 == "$2" ]] || fail "expected '$2', got '$1'"
}

expect_contains() {
  [[ $1 == *"$2"* ]] || fail "expected '$2' in: $1"
}

# wait_until COMMAND...: until it succeeds, or the test fails.
wait_until() {
  local deadline=$((SECONDS + PATIENCE_S))
  until "$@"; do
    ((SECONDS < deadline)) || fail "gave up waiting for: $*"
    sleep 0.05
  done
}

# refused TEXT COMMAND...: it fails and its message holds the text.
refused() {
  local text=$1 output status=0
  shift
  output=$("$@" 2>&1) || status=$?
  ((status != 0)) || fail "expected a failure of: $*"
  expect_contains "$output" "$text"
}

# start_cluster DIR [up option...]: detached, on any free port.
start_cluster() {
  local dir=$1
  shift
  "$TOPGUN" up --no-build --detach --port 0 --data "$dir" "$@"
}

# field DIR NAME COLUMN: from `ps --json`; columns as in jq paths (pid, up, ports.ws).
field() {
  "$TOPGUN" ps --json --data "$1" | node -e '
    const [name, path] = process.argv.slice(1);
    const rows = JSON.parse(require("fs").readFileSync(0, "utf8"));
    const row = rows.find((r) => r.name === name);
    console.log(path.split(".").reduce((value, key) => value?.[key], row));' "$2" "$3"
}

is_up() { [[ $(field "$1" "$2" up) == true ]]; }

all_up() {
  [[ $("$TOPGUN" ps --json --data "$1") != *'"up":false'* ]]
}

# gone PID: ended, even if its parent has not noticed yet.
gone() { [[ ! -e /proc/$1 ]] || grep -q '^State:.Z' "/proc/$1/status"; }

# accepts_websocket PORT: the gateway there answers an upgrade.
accepts_websocket() {
  node -e '
    const request = require("http").get({
      host: process.argv[2] ?? "127.0.0.1", port: process.argv[1], path: "/ws",
      headers: {Connection: "Upgrade", Upgrade: "websocket",
                "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="},
    });
    request.on("upgrade", () => process.exit(0));
    request.on("response", () => process.exit(1));
    request.on("error", () => process.exit(1));' "$@"
}
