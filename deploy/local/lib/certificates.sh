# shellcheck shell=bash
# Certificates of a local cluster, made with openssl: DIR/tls/ca.crt and ca.key are an authority of
# its own, NAME.crt and NAME.key a certificate that it has signed. For machines whose users trust
# each other: production has certificates from elsewhere (docs/tls.md).

readonly CA_DAYS=3650 CERTIFICATE_DAYS=90 RENEW_BEFORE_S=$((30 * 86400))

# ca_file DIR: what clients of the cluster trust.
ca_file() { printf '%s' "$1/tls/ca.crt"; }

# ensure_authority DIR: makes DIR's authority unless there is one.
ensure_authority() {
  local dir=$1/tls
  mkdir -p "$dir"
  chmod 755 "$dir"
  [[ ! -s $dir/ca.crt || ! -s $dir/ca.key ]] || return 0
  new_key "$dir/ca.key"
  run_openssl req -x509 -new -key "$dir/ca.key" -sha256 -days "$CA_DAYS" \
    -subj "/CN=TopGun local authority" \
    -addext "basicConstraints=critical,CA:TRUE,pathlen:0" \
    -addext "keyUsage=critical,keyCertSign,cRLSign" -out "$dir/ca.crt"
}

# ensure_certificate DIR NAME HOST...: a certificate for these names and addresses, for servers and
# clients alike, unless there is one that is good for another month.
ensure_certificate() {
  local dir=$1/tls name=$2
  ensure_authority "$1"
  certificate_is_good "$dir" "$name" "${@:3}" || issue_certificate "$dir" "$name" "${@:3}"
}

certificate_is_good() {
  local dir=$1 name=$2 host names
  [[ -s $dir/$name.key ]] &&
    openssl verify -CAfile "$dir/ca.crt" "$dir/$name.crt" >/dev/null 2>&1 &&
    openssl x509 -in "$dir/$name.crt" -noout -checkend "$RENEW_BEFORE_S" >/dev/null || return 1
  names=$(openssl x509 -in "$dir/$name.crt" -noout -ext subjectAltName)
  for host in "${@:3}"; do
    # openssl prints IPv6 addresses its own way.
    [[ $host == *:* || $names == *":$host"* ]] || return 1
  done
}

issue_certificate() {
  local dir=$1 name=$2 host names=""
  for host in "${@:3}"; do names+="${names:+,}$(certificate_name "$host")"; done
  new_key "$dir/$name.key.new"
  run_openssl req -new -key "$dir/$name.key.new" -subj "/CN=$name" \
    -addext "subjectAltName=$names" \
    -addext "keyUsage=critical,digitalSignature" \
    -addext "extendedKeyUsage=serverAuth,clientAuth" -out "$dir/$name.csr"
  run_openssl x509 -req -in "$dir/$name.csr" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -sha256 \
    -days "$CERTIFICATE_DAYS" -copy_extensions copy -out "$dir/$name.crt.new"
  rm "$dir/$name.csr"
  mv "$dir/$name.key.new" "$dir/$name.key"
  mv "$dir/$name.crt.new" "$dir/$name.crt"
}

# As subjectAltName has it.
certificate_name() {
  if [[ $1 == *:* || $1 =~ ^[0-9.]+$ ]]; then
    printf 'IP:%s' "$1"
  else
    printf 'DNS:%s' "$1"
  fi
}

new_key() {
  (umask 077 && run_openssl ecparam -name prime256v1 -genkey -noout -out "$1")
}

run_openssl() {
  local words
  words=$(openssl "$@" 2>&1) || die "openssl $1 failed: $words"
}
