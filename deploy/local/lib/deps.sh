# shellcheck shell=bash
# Installing the Debian packages of deploy/local/packages.txt.

deps_help() {
  cat <<'EOF'
usage: ./topgun deps [--list] [GROUP...]

Installs the Debian packages that are missing, asking for root only then. Groups are build, run,
test, lint and prometheus; without any, all but prometheus. --list prints the missing ones instead.
deploy/local/packages.txt says what each package is for.
EOF
}

deps_main() {
  local list=false groups=()
  while (($# > 0)); do
    case $1 in
      --list) list=true ;;
      build | run | test | lint | prometheus) groups+=("$1") ;;
      *) die "deps: unknown argument '$1'; see ./topgun deps --help" ;;
    esac
    shift
  done
  ((${#groups[@]} > 0)) || groups=(build run test lint)
  if $list; then
    missing_packages "${groups[@]}"
  else
    install_packages "${groups[@]}"
  fi
}

# The packages of the groups, one per line.
listed_packages() {
  local line group=""
  while read -r line; do
    line=${line%%#*}
    line=${line%"${line##*[![:space:]]}"}
    case $line in
      "") ;;
      "["*"]") group=${line:1:-1} ;;
      *) [[ " $* " != *" $group "* ]] || printf '%s\n' "$line" ;;
    esac
  done <"$LOCAL_DIR/packages.txt"
}

is_installed() {
  local package=$1
  # Any other Node.js serves as well as Debian's.
  case $package in
    nodejs) ! command -v node >/dev/null || return 0 ;;
    npm) ! command -v npm >/dev/null || return 0 ;;
  esac
  [[ $(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null) == ii* ]]
}

missing_packages() {
  local package
  while read -r package; do
    is_installed "$package" || printf '%s\n' "$package"
  done < <(listed_packages "$@")
}

install_packages() {
  local missing as_root=()
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]} > 0)) || return 0
  command -v apt-get >/dev/null ||
    die "this needs Debian 12 (there is no apt-get here); the packages are: ${missing[*]}"
  if ! is_root; then
    command -v sudo >/dev/null ||
      die "packages are missing; run as root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  note "installing ${#missing[@]} Debian packages: ${missing[*]}"
  {
    "${as_root[@]}" apt-get update -q
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -q -y --no-install-recommends "${missing[@]}"
  } >&2 || die "apt-get failed; the lines above say why. ./topgun deps tries again"
}
