# shellcheck shell=bash
# The private Redis and Postgres of a local cluster: both on Unix sockets only, both below DIR.

PG_BIN=/usr/lib/postgresql/15/bin
# sockaddr_un holds 108 bytes with the closing zero; the longest of our sockets is run/pg/.s.PGSQL.5432.
readonly SOCKET_PATH_MAX=107
readonly PG_SOCKET_NAME=.s.PGSQL.5432

# Postgres refuses to run as root; then the account of its Debian package runs it.
pg_user() {
  if is_root; then printf postgres; else id -un; fi
}

as_pg_user() {
  if is_root; then
    (cd / && exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$@")
  else
    "$@"
  fi
}

# True when the account that runs Postgres may enter the folder.
pg_can_enter() { as_pg_user test -x "$1"; }

check_socket_path() {
  local dir=$1 longest
  longest="$dir/run/pg/$PG_SOCKET_NAME"
  ((${#longest} <= SOCKET_PATH_MAX)) ||
    die "$dir is too long for Unix sockets by $((${#longest} - SOCKET_PATH_MAX)) bytes;" \
      "choose a shorter folder with --data DIR"
}

prepare_redis() {
  local dir=$1
  mkdir -p "$dir/redis"
  rm -f "$dir/run/redis.sock"
}

# prepare_postgres DIR DURABLE: DIR/postgres/data exists and belongs to the right account, run/pg is the folder
# of its socket. Below a folder which that account cannot enter (such as /root), both are links to
# a place where it can.
prepare_postgres() {
  local dir=$1 durable=$2 home socket=$1/run/pg
  if ! pg_can_enter "$dir"; then
    home=/var/lib/topgun/$(printf '%s' "$dir" | sha256sum | cut -c1-16)
    mkdir -p "$home/socket"
    [[ -e $dir/postgres ]] || note "user postgres cannot enter $dir, so its data is in $home"
    ln -sfn "$home" "$dir/postgres"
    ln -sfn "$home/socket" "$socket"
  fi
  mkdir -p "$dir/postgres" "$socket"
  home=$(readlink -f "$dir/postgres")
  if [[ ! -d $home/data ]]; then
    local template
    template=$(pg_template)
    rm -rf "$home/data.new"
    cp -a "$template" "$home/data.new"
    mv "$home/data.new" "$home/data"
    if $durable; then flush_in_background "$home/data"; fi
  fi
  cp "$LOCAL_DIR/postgresql.conf" "$home/postgresql.conf"
  chmod 644 "$home/postgresql.conf"
  chmod 700 "$(readlink -f "$socket")"
  if is_root; then chown postgres: "$home" "$(readlink -f "$socket")"; fi
}

# Writes a fresh folder to the disk. Postgres would do it first thing after a crash, when every moment
# counts; files that it renames meanwhile are its own business.
flush_in_background() {
  (
    close_inherited
    find "$1" -type f -exec sync {} +
  ) </dev/null >/dev/null 2>&1 &
}

# pg_template: an initialised data folder, made once; initdb takes longer than all else together.
pg_template() {
  local parent=$TOPGUN_ROOT/build template
  mkdir -p "$parent"
  pg_can_enter "$parent" || parent=/var/lib/topgun
  mkdir -p "$parent"
  template=$parent/postgres-15-template-$(pg_user)
  (
    flock 8
    [[ -d $template ]] || make_pg_template "$template"
  ) 8>"$template.lock"
  printf '%s' "$template"
}

make_pg_template() {
  local template=$1 fresh
  fresh=$(mktemp -d "$template.XXXXXX")
  if is_root; then chown postgres: "$fresh"; fi
  as_pg_user "$PG_BIN/initdb" --pgdata="$fresh" --username=topgun --encoding=UTF8 \
    --locale=C.UTF-8 --auth-local=trust --auth-host=reject --no-sync --no-instructions \
    >"$template.log" 2>&1 || die "initdb failed; see $template.log"
  # Renamed rather than created: every database is another 300 files to copy.
  as_pg_user "$PG_BIN/postgres" --single -D "$fresh" template1 \
    <<<"ALTER DATABASE postgres RENAME TO topgun" >>"$template.log" 2>&1 ||
    die "naming the database failed; see $template.log"
  mv "$fresh" "$template"
}
