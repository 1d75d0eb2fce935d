# shellcheck shell=bash
# What every verb uses: messages, paths, argument checks.

LIB_DIR=$TOPGUN_ROOT/deploy/local/lib
LOCAL_DIR=$TOPGUN_ROOT/deploy/local
RELEASE_BIN=$TOPGUN_ROOT/build/release/bin
DEFAULT_DATA_DIR=$TOPGUN_ROOT/.topgun

note() { printf '%s\n' "topgun: $*" >&2; }

# Every failure the user can do something about ends here, with the way out in the text.
die() {
  note "error: $*"
  exit 1
}

# value_of FLAG "$@": the argument that follows FLAG.
value_of() {
  local flag=$1
  shift
  (($# > 0)) || die "$flag needs a value"
  printf '%s' "$1"
}

# take_data_dir "$@": sets DATA_DIR to the folder that --data names, or to the default one, and
# OTHER_ARGUMENTS to what else there is.
take_data_dir() {
  DATA_DIR=$DEFAULT_DATA_DIR OTHER_ARGUMENTS=()
  local value
  while (($# > 0)); do
    if [[ $1 == --data ]]; then
      value=$(value_of "$@")
      DATA_DIR=$(absolute_path "$value")
      shift
    else
      OTHER_ARGUMENTS+=("$1")
    fi
    shift
  done
}

# number_of FLAG VALUE MIN MAX: VALUE, if it is a number in the range.
number_of() {
  local flag=$1 value=$2 min=$3 max=$4
  if [[ ! $value =~ ^[0-9]{1,9}$ ]] || ((10#$value < min || 10#$value > max)); then
    die "$flag takes a number from $min to $max, not '$value'"
  fi
  printf '%d' "$((10#$value))"
}

# In a child that may outlive its parent: locks are held as long as their descriptors are open.
close_inherited() {
  local fd
  for fd in "/proc/$BASHPID/fd"/*; do
    fd=${fd##*/}
    if ((fd > 2 && fd != 255)); then exec {fd}>&-; fi # 255 is the script itself
  done
}

absolute_path() { realpath -m -- "$1"; }

is_root() { ((EUID == 0)); }

# load FILE...: sources further parts of this folder.
load() {
  local part
  for part in "$@"; do
    # shellcheck source=/dev/null
    source "$LIB_DIR/$part.sh"
  done
}
