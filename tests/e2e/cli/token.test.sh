#!/usr/bin/env bash
# Tokens: an independent implementation of HMAC agrees, secrets have the right precedence.
source "$(dirname "$0")/support.sh"
dir=$WORK/c

# verify SECRET TOKEN: prints the payload, or fails.
# shellcheck disable=SC2016 # the program is JavaScript
verify() {
  node -e '
    const crypto = require("crypto");
    const [secret, token] = process.argv.slice(1);
    const [header, payload, mac] = token.split(".");
    const expected = crypto.createHmac("sha256", secret).update(`${header}.${payload}`);
    if (expected.digest("base64url") !== mac) process.exit(1);
    const text = (part) => Buffer.from(part, "base64url").toString();
    if (JSON.parse(text(header)).alg !== "HS256") process.exit(1);
    console.log(text(payload));' "$@"
}

generated=$("$TOPGUN" token --sub ann --roles ADMIN,USER --ttl 60 --data "$dir")
payload=$(verify "$(<"$dir/secret")" "$generated")
expect_contains "$payload" '"sub":"ann","roles":["ADMIN","USER"]'
expect_equal "$(stat -c %a "$dir/secret")" 600
node -e 'const p = JSON.parse(process.argv[1]); process.exit(p.exp - p.iat === 60 ? 0 : 1)' "$payload"

# Secrets: short, odd, longer than a block of SHA-256, not ASCII.
odd_name='o"brien'\\
for secret in x 'a "quoted" \secret' "$(printf 'k%.0s' {1..200})" 'schlüssel'; do
  token=$(JWT_SECRET=$secret "$TOPGUN" token --sub "$odd_name" --data "$dir")
  expect_contains "$(verify "$secret" "$token")" '"sub":"o\"brien\\","roles":[]'
done

refused "--sub NAME" "$TOPGUN" token --data "$dir"
refused "public key" env JWT_SECRET="-----BEGIN PUBLIC KEY-----" "$TOPGUN" token --sub a --data "$dir"
