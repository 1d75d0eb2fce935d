#include "base/network_address.h"

namespace topgun {
namespace {

bool IsLoopbackV4(std::string_view host) {
  return host.starts_with("127.") &&
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace

std::string_view HostOf(std::string_view address) {
  if (address.starts_with('[')) {
    const size_t end = address.find(']');
    return end == std::string_view::npos ? address : address.substr(1, end - 1);
  }
  const size_t colon = address.find(':');
  const bool one_colon = colon != std::string_view::npos && address.rfind(':') == colon;
  return one_colon ? address.substr(0, colon) : address;  // several: an IPv6 address without port
}

bool StaysOnThisMachine(std::string_view address) {
  if (address.starts_with('/') || address.starts_with('@')) return true;
  for (const std::string_view scheme : {"unix:", "unix-abstract:"}) {
    if (address.starts_with(scheme)) return true;
  }
  for (const std::string_view scheme : {"dns:///", "dns:", "ipv4:", "ipv6:"}) {
    if (!address.starts_with(scheme)) continue;
    address.remove_prefix(scheme.size());
    break;
  }
  const std::string_view host = HostOf(address);
  return host == "localhost" || host == "::1" || IsLoopbackV4(host);
}

}  // namespace topgun
