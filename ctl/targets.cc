#include "targets.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <filesystem>
#include <memory>
#include <set>

#include "base/closest_name.h"
#include "base/secret_file.h"

namespace topgun::ctl {
namespace {

namespace json = boost::json;

constexpr size_t kStateBytesMax = size_t{1} << 20;

struct Address {
  std::string host;
  std::string port;
};

// host, host:port, [v6] or [v6]:port.
Address SplitAddress(std::string_view text) {
  const bool bracketed = text.starts_with('[');
  const size_t host_end = bracketed ? text.find(']') : text.find(':');
  if (host_end == std::string_view::npos) {
    return {std::string(text), std::string(kDefaultAdminPort)};
  }
  const std::string_view host = text.substr(bracketed, host_end - (bracketed ? 1 : 0));
  std::string_view port = text.substr(host_end + (bracketed ? 1 : 0));
  if (port.starts_with(':')) port.remove_prefix(1);
  return {std::string(host), std::string(port.empty() ? kDefaultAdminPort : port)};
}

std::string NumericText(const sockaddr* address, socklen_t size) {
  std::array<char, NI_MAXHOST> host{};
  getnameinfo(address, size, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST);
  const std::string text = host.data();
  return address->sa_family == AF_INET6 ? "[" + text + "]" : text;
}

struct AddressesFree {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

// All addresses of one family: a process that listens on both would be there twice.
StatusOr<std::set<std::string>> Resolve(const Address& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* raw = nullptr;
  const int code = getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &raw);
  if (code != 0) {
    return InvalidArgument("cannot resolve " + address.host + ": " + gai_strerror(code));
  }
  const std::unique_ptr<addrinfo, AddressesFree> list(raw);
  for (const int family : {AF_INET, AF_INET6}) {
    std::set<std::string> found;
    for (const addrinfo* one = list.get(); one != nullptr; one = one->ai_next) {
      if (one->ai_family == family) found.insert(NumericText(one->ai_addr, one->ai_addrlen));
    }
    if (!found.empty()) return found;
  }
  return InvalidArgument(address.host + " has no address");
}

// Of a process in run/state.json; 0 where there is none.
int64_t PortOf(const json::object& process, json::string_view name) {
  const json::value* const ports = process.if_contains("ports");
  if (ports == nullptr || !ports->is_object()) return 0;
  const json::value* const port = ports->get_object().if_contains(name);
  return port != nullptr && port->is_int64() ? port->get_int64() : 0;
}

std::string TextIfPresent(const json::object& process, json::string_view name) {
  const json::value* const value = process.if_contains(name);
  if (value == nullptr || !value->is_string()) return {};
  return {value->get_string().data(), value->get_string().size()};
}

void AddProcess(const json::object& process, Targets& targets) {
  const std::string role = TextIfPresent(process, "role");
  const std::string name = TextIfPresent(process, "name");
  if (role != "gateway" && role != "sync" && role != "storage") return;
  const std::string host = "127.0.0.1";
  const auto at = [&host](int64_t port) { return host + ":" + std::to_string(port); };
  if (const int64_t port = PortOf(process, "admin"); port != 0) {
    targets.admin.push_back({name, role, "http://" + at(port)});
  }
  if (const int64_t port = PortOf(process, "ws"); port != 0 && role == "gateway") {
    targets.gateways.push_back(
        {name, (targets.ca_file.empty() ? "http://" : "https://") + at(port)});
  }
  if (const int64_t port = PortOf(process, "grpc"); port != 0) {
    targets.rpc.push_back({.name = name, .address = at(port), .host = host});
  }
}

// Where `up --tls` leaves its certificates.
void AddCertificates(const std::string& dir, Targets& targets) {
  if (!std::filesystem::exists(dir + "/run/tls")) return;
  const std::string own = dir + "/tls/grpc-topgunctl";
  targets.ca_file = dir + "/tls/ca.crt";
  targets.rpc_files = {.certificate = own + ".crt", .key = own + ".key", .ca = targets.ca_file};
}

}  // namespace

StatusOr<Targets> ReadLocalCluster(const std::string& dir) {
  const auto text = ReadSmallFile(dir + "/run/state.json", kStateBytesMax);
  if (!text.ok()) {
    return FailedPrecondition("no cluster runs in " + dir + "; ./topgun up starts one");
  }
  json::error_code error;
  const json::value state = json::parse(*text, error);
  if (error || !state.is_array()) return Internal(dir + "/run/state.json cannot be read");
  Targets targets;
  AddCertificates(dir, targets);
  for (const json::value& process : state.get_array()) {
    if (process.is_object()) AddProcess(process.get_object(), targets);
  }
  for (const char* const file : {"/run/secret", "/secret"}) {
    if (!targets.secret_file.empty() || !std::filesystem::exists(dir + file)) continue;
    targets.secret_file = dir + file;
  }
  return targets;
}

StatusOr<std::vector<Target>> ResolveTargets(const std::vector<std::string>& addresses) {
  std::vector<Target> targets;
  for (const std::string& text : addresses) {
    const Address address = SplitAddress(text);
    ASSIGN_OR_RETURN(const std::set<std::string> hosts, Resolve(address));
    for (const std::string& host : hosts) {
      const std::string name = host + ":" + address.port;
      targets.push_back({.name = name, .role = {}, .url = "http://" + name});
    }
  }
  return targets;
}

StatusOr<Gateway> ParseGateway(std::string_view text) {
  std::string scheme = "http";
  if (const size_t end = text.find("://"); end != std::string_view::npos) {
    scheme = text.substr(0, end);
    text.remove_prefix(end + 3);
  }
  if (scheme == "ws") scheme = "http";
  if (scheme == "wss") scheme = "https";
  const std::string host(text.substr(0, text.find('/')));
  if ((scheme != "http" && scheme != "https") || host.empty()) {
    return InvalidArgument("a gateway is http://host:port or ws://host:port/ws, not " +
                           std::string(text));
  }
  return Gateway{.name = host, .url = scheme + "://" + host};
}

StatusOr<Target> FindTarget(const std::vector<Target>& targets, const std::string& which) {
  std::vector<std::string> names;
  for (const Target& target : targets) {
    if (target.name == which || target.url == "http://" + which) return target;
    names.push_back(target.name);
  }
  const std::string closest = ClosestName(which, names);
  std::string text = "no process " + which;
  text += closest.empty() ? "; there are" : "; did you mean " + closest + "? There are";
  for (const std::string& name : names) text += " " + name;
  return NotFound(text);
}

}  // namespace topgun::ctl
