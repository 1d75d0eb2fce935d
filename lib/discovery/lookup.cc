#include "lookup.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "target.h"

namespace topgun::discovery {
namespace {

constexpr int kServerTimeoutSeconds = 1;
constexpr int kAttempts = 2;

std::string IpOf(const addrinfo& info) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* ip = nullptr;
  if (info.ai_family == AF_INET) {
    ip = &reinterpret_cast<const sockaddr_in*>(info.ai_addr)->sin_addr;
  } else if (info.ai_family == AF_INET6) {
    ip = &reinterpret_cast<const sockaddr_in6*>(info.ai_addr)->sin6_addr;
  }
  if (ip == nullptr || inet_ntop(info.ai_family, ip, text.data(), text.size()) == nullptr) {
    return {};
  }
  return text.data();
}

}  // namespace

void LimitLookups() {
  if (res_init() != 0) return;
  _res.retrans = kServerTimeoutSeconds;
  _res.retry = kAttempts;
}

StatusOr<Addresses> LookUp(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
  addrinfo* head = nullptr;
  const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &head);
  if (error != 0) {
    const char* const reason = error == EAI_SYSTEM ? std::strerror(errno) : gai_strerror(error);
    return Unavailable(host + ": " + reason);
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(head, &freeaddrinfo);
  Addresses found;
  for (const addrinfo* info = head; info != nullptr; info = info->ai_next) {
    const std::string ip = IpOf(*info);
    if (!ip.empty()) found.push_back({JoinAddress(ip, port), host});
  }
  if (found.empty()) return Unavailable(host + ": it has no address");
  return found;
}

}  // namespace topgun::discovery
