#include "supervisor/probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "sockaddr.h"

namespace topgun::supervisor {
namespace {

constexpr size_t kReplyBytesMax = 512;

// A stream socket whose calls all give up after kProbeTimeout.
class ProbeSocket {
 public:
  explicit ProbeSocket(int family) : fd_(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval timeout{0, std::chrono::microseconds(kProbeTimeout).count()};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  }
  ~ProbeSocket() {
    if (fd_ >= 0) close(fd_);
  }
  ProbeSocket(const ProbeSocket&) = delete;
  ProbeSocket& operator=(const ProbeSocket&) = delete;

  bool Connect(const void* address, socklen_t length) const {
    return connect(fd_, AsSockaddr(address), length) == 0;
  }

  // Sends the request and returns the first part of the reply; empty on any failure.
  std::string Exchange(std::string_view request) const {
    const ssize_t sent = send(fd_, request.data(), request.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(request.size())) return {};
    std::string reply(kReplyBytesMax, '\0');
    const ssize_t received = recv(fd_, reply.data(), reply.size(), 0);
    reply.resize(received > 0 ? static_cast<size_t>(received) : 0);
    return reply;
  }

 private:
  const int fd_;
};

std::string AskUnixSocket(const std::string& path, std::string_view request) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return {};
  std::memcpy(address.sun_path, path.data(), path.size());
  const ProbeSocket probe(AF_UNIX);
  if (!probe.Connect(&address, sizeof address)) return {};
  return probe.Exchange(request);
}

bool HttpReady(const std::string& port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(std::atoi(port.c_str())));
  const ProbeSocket probe(AF_INET);
  if (!probe.Connect(&address, sizeof address)) return false;
  const std::string reply =
      probe.Exchange("GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  return reply.rfind("HTTP/1.1 200", 0) == 0 || reply.rfind("HTTP/1.0 200", 0) == 0;
}

bool RedisReady(const std::string& path) {
  return AskUnixSocket(path, "PING\r\n").rfind("+PONG", 0) == 0;
}

// A start-up message of protocol 3.0. The answer begins with 'R' once the server accepts sessions
// and with 'E' while it starts, recovers or stops.
bool PostgresReady(const std::string& path) {
  using namespace std::string_literals;
  const std::string body = "\0\3\0\0"s + "user\0topgun\0database\0topgun\0\0"s;
  const uint32_t length = htonl(static_cast<uint32_t>(body.size() + sizeof(uint32_t)));
  std::string message(sizeof length, '\0');
  std::memcpy(message.data(), &length, sizeof length);
  return AskUnixSocket(path, message + body).rfind('R', 0) == 0;
}

}  // namespace

bool IsReady(const Probe& probe) {
  switch (probe.kind) {
    case ProbeKind::kNone:
      return true;
    case ProbeKind::kHttp:
      return HttpReady(probe.target);
    case ProbeKind::kRedis:
      return RedisReady(probe.target);
    case ProbeKind::kPostgres:
      return PostgresReady(probe.target);
  }
  return false;
}

}  // namespace topgun::supervisor
