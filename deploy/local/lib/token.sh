# shellcheck shell=bash
# Signing JSON Web Tokens (HS256) with openssl. HMAC is done here from two plain hashes, because
# `openssl dgst` takes its key as an argument, which every user of the machine could read.

load cluster

token_help() {
  cat <<'EOF'
usage: ./topgun token --sub NAME [--roles A,B] [--ttl SECONDS] [--data DIR]

Prints a token that the cluster accepts, signed with JWT_SECRET if it is set, else with the secret
of the cluster. --ttl is 86400 by default.
EOF
}

token_main() {
  local dir=$DEFAULT_DATA_DIR subject="" roles="" ttl=86400 secret
  while (($# > 0)); do
    local flag=$1 value
    value=$(value_of "$@")
    case $flag in
      --sub) subject=$value ;;
      --roles) roles=$value ;;
      --ttl) ttl=$(number_of "$flag" "$value" 1 999999999) ;;
      --data) dir=$(absolute_path "$value") ;;
      *) die "token: unknown option '$flag'; see ./topgun token --help" ;;
    esac
    shift 2
  done
  [[ -n $subject ]] || die "token: --sub NAME says whom the token is for"
  secret=$(cluster_secret "$dir")
  sign_token "$secret" "$subject" "$roles" "$ttl"
  printf '\n'
}

# sign_token SECRET SUBJECT ROLES TTL_S
sign_token() {
  local secret=$1 subject=$2 roles=$3 ttl=$4 now payload input
  [[ $secret != -----BEGIN* ]] ||
    die "JWT_SECRET is a public key: tokens come from whoever holds the private one"
  now=$(date +%s)
  payload="{\"sub\":$(json_string "$subject"),\"roles\":$(json_list "$roles")"
  payload+=",\"iat\":$now,\"exp\":$((now + ttl))}"
  input="$(printf '{"alg":"HS256","typ":"JWT"}' | base64url).$(printf '%s' "$payload" | base64url)"
  printf '%s.%s' "$input" "$(hmac_sha256 "$secret" "$input" | base64url)"
}

json_string() {
  local text=$1
  [[ $text != *[[:cntrl:]]* ]] || die "token: names may not hold control characters"
  text=${text//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

# json_list A,B: ["A","B"]
json_list() {
  local items item out=""
  IFS=, read -r -a items <<<"$1"
  for item in "${items[@]}"; do out+="${out:+,}$(json_string "$item")"; done
  printf '[%s]' "$out"
}

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

to_hex() { od -An -v -tx1 | tr -d ' \n'; }

# Bytes from hex; the NUL byte included, so only ever into a pipe.
from_hex() {
  local hex=$1 escaped="" i
  for ((i = 0; i < ${#hex}; i += 2)); do escaped+="\\x${hex:i:2}"; done
  printf '%b' "$escaped"
}

sha256() { openssl dgst -sha256 -binary; }

# hmac_sha256 KEY MESSAGE (RFC 2104): the MAC as bytes.
hmac_sha256() {
  local key message=$2 inner_pad="" outer_pad="" inner byte i
  key=$(printf '%s' "$1" | to_hex)
  if ((${#key} > 128)); then key=$(printf '%s' "$1" | sha256 | to_hex); fi
  while ((${#key} < 128)); do key+=00; done
  for ((i = 0; i < 128; i += 2)); do
    byte=$((16#${key:i:2}))
    inner_pad+=$(printf '%02x' $((byte ^ 0x36)))
    outer_pad+=$(printf '%02x' $((byte ^ 0x5c)))
  done
  inner=$({ from_hex "$inner_pad" && printf '%s' "$message"; } | sha256 | to_hex)
  from_hex "$outer_pad$inner" | sha256
}
