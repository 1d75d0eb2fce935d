# shellcheck shell=bash
# Installing the Debian packages of deploy/local/packages.txt.

deps_help() {
  cat <<'EOF'
usage: ./topgun deps [--list] [GROUP...]

Installs the Debian packages that are missing, asking for root only then. Groups are build, run,
test, profile, micro, lint, prometheus and image; without any, all but micro, prometheus and image. --list
prints the missing ones instead.
deploy/local/packages.txt says what each package is for.
EOF
}

deps_main() {
  local list=false groups=()
  while (($# > 0)); do
    case $1 in
      --list) list=true ;;
      build | run | test | profile | micro | lint | prometheus | image) groups+=("$1") ;;
      *) die "deps: unknown argument '$1'; see ./topgun deps --help" ;;
    esac
    shift
  done
  ((${#groups[@]} > 0)) || groups=(build run test profile lint)
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

missing_packages() {
  local listed installed package
  mapfile -t listed < <(listed_packages "$@")
  # One call for all; it fails as soon as one of them is unknown, having printed the others.
  installed=" $(dpkg-query -W -f='${Package}=${db:Status-Abbrev} ' "${listed[@]}" 2>/dev/null || true)"
  for package in "${listed[@]}"; do
    [[ $installed == *" $package=ii"* ]] || provided_otherwise "$package" ||
      printf '%s\n' "$package"
  done
}

# Any other Node.js serves as well as Debian's.
provided_otherwise() {
  case $1 in
    nodejs) command -v node >/dev/null ;;
    npm) command -v npm >/dev/null ;;
    *) false ;;
  esac
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
