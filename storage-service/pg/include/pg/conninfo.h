// What a connection string may say before anybody connects with it. Any thread.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace topgun::pg {

// It is one; it holds no password in key=value words, which --print-config would show (one in a URL
// is masked); and it reaches other machines only with TLS that cannot be negotiated away (sslmode
// require, verify-ca or verify-full, PGSSLMODE counts), unless `allow_plaintext` names postgres.
Status CheckConninfo(const std::string& conninfo, const std::vector<std::string>& allow_plaintext);

}  // namespace topgun::pg
