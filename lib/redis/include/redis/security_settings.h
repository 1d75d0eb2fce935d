// The settings of redis::Security, the same in every service.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "config/settings.h"
#include "redis/security.h"

namespace topgun::redis {

// Adds --redis-username, --redis-password-file, --redis-tls, --redis-tls-ca-file,
// --redis-tls-certificate-file, --redis-tls-key-file and --redis-tls-server-name.
void AddSecuritySettings(config::Settings& settings, const std::string& group, Security* target);

// Whether they fit together and to the address, the files can be loaded, and nothing leaves the
// machine in plain text that may not (`allow_plaintext`, see config/plaintext.h).
Status CheckSecurity(const Security& security, const std::string& address,
                     const std::vector<std::string>& allow_plaintext);

}  // namespace topgun::redis
