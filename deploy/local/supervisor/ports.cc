#include "supervisor/ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <random>

#include "sockaddr.h"

namespace topgun::supervisor {
namespace {

constexpr uint16_t kChosenMin = 20000;
constexpr int kChooseAttemptsMax = 1000;

uint16_t EphemeralMin() {
  int low = 32768;
  std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> low;
  return static_cast<uint16_t>(std::max(low, kChosenMin + 1000));
}

bool CanBind(int family, const void* address, socklen_t length) {
  const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno == EAFNOSUPPORT;
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // A machine without IPv6 has no ::1 to be taken.
  const bool bound = bind(fd, AsSockaddr(address), length) == 0 || errno == EADDRNOTAVAIL;
  close(fd);
  return bound;
}

bool IsFree(uint16_t port) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  v4.sin_port = htons(port);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_addr = in6addr_loopback;
  v6.sin6_port = htons(port);
  return CanBind(AF_INET, &v4, sizeof v4) && CanBind(AF_INET6, &v6, sizeof v6);
}

// -1 when another supervisor holds the name.
int ReservationSocket(uint16_t port) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // The leading zero byte makes it an abstract name.
  const std::string name = std::string(1, '\0') + "topgun-port-" + std::to_string(port);
  std::memcpy(address.sun_path, name.data(), name.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  if (bind(fd, AsSockaddr(&address), length) == 0) return fd;
  close(fd);
  return -1;
}

}  // namespace

PortTable::~PortTable() {
  for (const int fd : reservations_) close(fd);
}

Status PortTable::Assign(const std::vector<ProcessSpec>& processes) {
  const std::map<std::string, uint16_t> saved = LoadSaved();
  // Fixed ports first, so that a chosen one cannot be in their way.
  for (const bool fixed : {true, false}) {
    for (const ProcessSpec& process : processes) {
      for (const PortSpec& port : process.ports) {
        if ((port.fixed != 0) != fixed) continue;
        const std::string key = process.name + "." + port.name;
        if (ports_.contains(key)) continue;
        if (fixed && !Reserve(port.fixed)) {
          return Unavailable("port " + std::to_string(port.fixed) + " is taken");
        }
        uint16_t number = port.fixed;
        if (!fixed) {
          const auto entry = saved.find(key);
          ASSIGN_OR_RETURN(number, Choose(entry == saved.end() ? uint16_t{0} : entry->second));
        }
        ports_[key] = number;
      }
    }
  }
  return Save();
}

uint16_t PortTable::Find(const std::string& process, const std::string& port) const {
  const auto entry = ports_.find(process + "." + port);
  return entry == ports_.end() ? uint16_t{0} : entry->second;
}

StatusOr<std::string> PortTable::Substitute(std::string_view text) const {
  std::string out;
  while (true) {
    const size_t open = text.find('{');
    const size_t close = text.find('}', std::min(open, text.size()));
    out.append(text.substr(0, open));
    if (open == std::string_view::npos) return out;
    if (close == std::string_view::npos) return out.append(text.substr(open));
    const std::string key(text.substr(open + 1, close - open - 1));
    const auto entry = ports_.find(key);
    if (entry != ports_.end()) {
      out.append(std::to_string(entry->second));
    } else if (key.find('.') != std::string::npos) {
      return InvalidArgument("unknown port {" + key + "}");
    } else {
      out.append("{").append(key).append("}");
    }
    text.remove_prefix(close + 1);
  }
}

bool PortTable::Reserve(uint16_t port) {
  const int fd = ReservationSocket(port);
  if (fd < 0) return false;
  if (!IsFree(port)) {
    close(fd);
    return false;
  }
  reservations_.push_back(fd);
  return true;
}

StatusOr<uint16_t> PortTable::Choose(uint16_t saved) {
  if (saved != 0 && Reserve(saved)) return saved;
  std::random_device entropy;
  std::uniform_int_distribution<uint16_t> any(kChosenMin,
                                              static_cast<uint16_t>(EphemeralMin() - 1));
  for (int attempt = 0; attempt < kChooseAttemptsMax; ++attempt) {
    const uint16_t port = any(entropy);
    if (Reserve(port)) return port;
  }
  return ResourceExhausted("no free port on loopback");
}

std::map<std::string, uint16_t> PortTable::LoadSaved() const {
  std::map<std::string, uint16_t> saved;
  std::ifstream file(saved_path_);
  std::string key;
  uint16_t port = 0;
  while (file >> key >> port) saved[key] = port;
  return saved;
}

Status PortTable::Save() const {
  std::ofstream file(saved_path_, std::ios::trunc);
  for (const auto& [key, port] : ports_) file << key << ' ' << port << '\n';
  if (!file.flush()) return Unavailable("cannot write " + saved_path_);
  return OkStatus();
}

}  // namespace topgun::supervisor
