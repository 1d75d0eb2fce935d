#include "support/redis_server.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace topgun::support {
namespace {

// True once the server answers PING with PONG; while it loads its data it answers LOADING.
bool Answers(const std::string& socket_path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy_n(socket_path.data(), std::min(socket_path.size(), sizeof(address.sun_path) - 1),
              address.sun_path);
  constexpr std::string_view kPing = "PING\r\n";
  char reply[64] = {};
  ssize_t size = 0;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      ::send(fd, kPing.data(), kPing.size(), MSG_NOSIGNAL) == std::ssize(kPing)) {
    size = ::recv(fd, reply, sizeof(reply), 0);
  }
  ::close(fd);
  // Password protected is ready, too.
  const std::string_view text(reply, size > 0 ? static_cast<size_t>(size) : 0);
  return text.starts_with("+PONG") || text.starts_with("-NOAUTH");
}

}  // namespace

RedisServer::RedisServer(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {
  Start();
}

void RedisServer::Start() {
  if (process_.Running()) return;
  std::vector<std::string> command = {
      "redis-server", "--port",      "0",  "--unixsocket",           socket_path(), "--dir",
      dir_.path(),    "--save",      "",   "--appendonly",           "yes",         "--appendfsync",
      "everysec",     "--daemonize", "no", "--enable-debug-command", "local"};
  command.insert(command.end(), arguments_.begin(), arguments_.end());
  process_ = ChildProcess(command, {.output_path = log_path(), .user = "", .environment = {}});
  const bool ready = WaitUntil([this] { return !process_.Running() || Answers(socket_path()); });
  if (!ready || !process_.Running()) {
    throw std::runtime_error("redis-server did not start, see " + log_path());
  }
}

void RedisServer::Stop(int signal) {
  Resume();  // a stopped process handles no SIGTERM
  process_.Signal(signal);
  if (!process_.Wait()) throw std::runtime_error("redis-server did not stop");
}

void RedisServer::Restart(int signal) {
  Stop(signal);
  Start();
}

}  // namespace topgun::support
