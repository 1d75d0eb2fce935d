#include "supervisor/control.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "sockaddr.h"

namespace topgun::supervisor {
namespace {

constexpr std::string_view kOk = "ok";
constexpr std::string_view kError = "error ";

StatusOr<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return InvalidArgument("the path of " + path + " is too long for a Unix socket");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

std::string ErrorText() { return std::strerror(errno); }

}  // namespace

ControlClient::~ControlClient() { close(fd_); }

void ControlClient::Say(std::string_view line) {
  const std::string text = std::string(line) + "\n";
  static_cast<void>(send(fd_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
}

void ControlClient::Finish(const Status& result) {
  Say(result.ok() ? std::string(kOk) : std::string(kError).append(Message(result)));
}

bool ControlClient::gone() const {
  char byte = 0;
  const ssize_t got = recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

ControlClient::Input ControlClient::Read() {
  std::array<char, 512> bytes{};
  ssize_t got = 0;
  while ((got = recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT)) > 0) {
    input_.append(bytes.data(), static_cast<size_t>(got));
    const size_t end = input_.find('\n');
    if (end != std::string::npos) {
      input_.resize(end);
      return Input::kLine;
    }
    if (input_.size() > ControlSocket::kLineBytesMax) return Input::kRefused;
  }
  const bool more_may_come = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
  return more_may_come ? Input::kPartial : Input::kRefused;
}

ControlSocket::~ControlSocket() {
  if (fd_ < 0) return;
  close(fd_);
  unlink(path_.c_str());
}

Status ControlSocket::Listen() {
  ASSIGN_OR_RETURN(const sockaddr_un address, AddressOf(path_));
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return Internal("control socket: " + ErrorText());
  unlink(path_.c_str());  // of a supervisor that was killed; run/lock says that it has ended
  const mode_t before = umask(0177);
  const int bound = bind(fd, AsSockaddr(&address), sizeof address);
  umask(before);
  if (bound == 0 && listen(fd, static_cast<int>(kClientsMax)) == 0) {
    fd_ = fd;
    return OkStatus();
  }
  const std::string reason = ErrorText();
  close(fd);
  return Unavailable("cannot listen on " + path_ + ": " + reason);
}

void ControlSocket::AddTo(std::vector<pollfd>& waited) const {
  if (fd_ >= 0) waited.push_back({fd_, POLLIN, 0});
  for (const ControlClientPtr& client : clients_) waited.push_back({client->fd_, POLLIN, 0});
}

void ControlSocket::Accept() {
  if (fd_ < 0) return;
  for (int fd = 0; (fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
    clients_.push_back(std::make_shared<ControlClient>(fd));
    // Whoever says nothing makes room for those who do.
    if (clients_.size() > kClientsMax) clients_.erase(clients_.begin());
  }
}

void ControlSocket::Serve(
    const std::function<void(std::string_view line, ControlClientPtr client)>& handle) {
  Accept();
  std::vector<ControlClientPtr> complete;
  std::erase_if(clients_, [&](const ControlClientPtr& client) {
    const ControlClient::Input input = client->Read();
    if (input == ControlClient::Input::kLine) complete.push_back(client);
    return input != ControlClient::Input::kPartial;
  });
  for (ControlClientPtr& client : complete) {
    const std::string line = std::move(client->input_);
    handle(line, std::move(client));
  }
}

Status SendCommand(const std::string& path, std::string_view line,
                   const std::function<void(std::string_view line)>& print) {
  ASSIGN_OR_RETURN(const sockaddr_un address, AddressOf(path));
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Internal("control socket: " + ErrorText());
  const ControlClient owner(fd);
  if (connect(fd, AsSockaddr(&address), sizeof address) != 0) {
    return Unavailable("no supervisor answers at " + path + ": " + ErrorText());
  }
  const std::string request = std::string(line) + "\n";
  if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return Unavailable("the supervisor does not take the command");
  }
  std::string answer;
  std::array<char, 512> bytes{};
  for (ssize_t got = 0; (got = recv(fd, bytes.data(), bytes.size(), 0)) > 0;) {
    answer.append(bytes.data(), static_cast<size_t>(got));
    for (size_t end = 0; (end = answer.find('\n')) != std::string::npos;) {
      const std::string said = answer.substr(0, end);
      answer.erase(0, end + 1);
      if (said == kOk) return OkStatus();
      if (said.starts_with(kError)) return FailedPrecondition(said.substr(kError.size()));
      print(said);
    }
  }
  return Unavailable("the supervisor ended before the command had");
}

}  // namespace topgun::supervisor
