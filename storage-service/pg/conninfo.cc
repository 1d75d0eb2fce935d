#include "pg/conninfo.h"

#include <libpq-fe.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "config/plaintext.h"

namespace topgun::pg {
namespace {

using Options = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

// Empty when it is not set.
std::string Find(const Options& options, std::string_view keyword) {
  if (options == nullptr) return {};
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->keyword == keyword && option->val != nullptr) return option->val;
  }
  return {};
}

// libpq tries several hosts, given with commas, one after the other.
Status CheckHosts(std::string_view hosts, const std::vector<std::string>& allow_plaintext) {
  while (!hosts.empty()) {
    const std::string_view host = hosts.substr(0, hosts.find(','));
    hosts.remove_prefix(std::min(hosts.size(), host.size() + 1));
    if (host.empty()) continue;  // the default: a Unix socket
    RETURN_IF_ERROR(config::CheckPlaintext(
        allow_plaintext, "postgres", "--postgres", host,
        "sslmode=verify-full and sslrootcert=FILE in the connection string"));
  }
  return OkStatus();
}

}  // namespace

Status CheckConninfo(const std::string& conninfo, const std::vector<std::string>& allow_plaintext) {
  char* error = nullptr;
  const Options given(PQconninfoParse(conninfo.c_str(), &error), &PQconninfoFree);
  const std::unique_ptr<char, decltype(&PQfreemem)> owned_error(error, &PQfreemem);
  if (given == nullptr) return InvalidArgument("postgres is no connection string");
  const bool is_url = conninfo.find("://") != std::string::npos;
  if (!is_url && !Find(given, "password").empty()) {
    return InvalidArgument("the password of postgres belongs into postgres-password");
  }
  const Options defaults(PQconndefaults(), &PQconninfoFree);  // the environment included
  const auto value = [&](std::string_view keyword) {
    std::string found = Find(given, keyword);
    return found.empty() ? Find(defaults, keyword) : found;
  };
  const std::string sslmode = value("sslmode");
  if (sslmode == "require" || sslmode == "verify-ca" || sslmode == "verify-full") return OkStatus();
  const std::string addresses = value("hostaddr");  // wins over host
  return CheckHosts(addresses.empty() ? value("host") : addresses, allow_plaintext);
}

}  // namespace topgun::pg
