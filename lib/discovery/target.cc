#include "target.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace topgun::discovery {
namespace {

constexpr std::string_view kFilePrefix = "file:";
constexpr std::string_view kUnixPrefix = "unix:";

bool IsIp(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> ignored{};
  return inet_pton(AF_INET, host.c_str(), ignored.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), ignored.data()) == 1;
}

bool IsPort(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port != 0;
}

// Letters, digits and what else names and addresses have; no blanks, slashes or control characters.
bool IsHost(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == ':';
  });
}

Status Bad(std::string_view what, std::string_view text, std::string_view reason) {
  std::string message(what);
  message.append(": '").append(text).append("': ").append(reason);
  return InvalidArgument(message);
}

}  // namespace

std::string JoinAddress(std::string_view ip, std::string_view port) {
  std::string out;
  const bool v6 = ip.find(':') != std::string_view::npos;
  if (v6) out.push_back('[');
  out.append(ip);
  if (v6) out.push_back(']');
  return out.append(":").append(port);
}

StatusOr<Target> ParseTarget(std::string_view what, std::string_view text) {
  Target target;
  if (text.substr(0, kUnixPrefix.size()) == kUnixPrefix) {
    target.address = {std::string(text), "localhost"};
    return target;
  }
  if (text.substr(0, kFilePrefix.size()) == kFilePrefix) {
    target.kind = Target::Kind::kFile;
    target.host = text.substr(kFilePrefix.size());
    if (target.host.empty() || target.host.front() != '/') {
      return Bad(what, text, "use file:/absolute/path");
    }
    return target;
  }
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return Bad(what, text, "the port is missing: host:port");
  std::string_view host = text.substr(0, colon);
  target.port = text.substr(colon + 1);
  if (!IsPort(target.port)) return Bad(what, text, "bad port: host:port");
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return Bad(what, text, "an IPv6 address goes into brackets: [address]:port");
  }
  if (!IsHost(host)) return Bad(what, text, "bad host: host:port");
  target.host = host;
  if (IsIp(target.host)) {
    target.address = {JoinAddress(target.host, target.port), target.host};
  } else if (target.host.find(':') != std::string::npos) {
    return Bad(what, text, "bad IPv6 address");
  } else {
    target.kind = Target::Kind::kName;
  }
  return target;
}

}  // namespace topgun::discovery
