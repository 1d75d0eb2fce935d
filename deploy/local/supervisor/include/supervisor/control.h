// The control socket of a running supervisor, run/control.sock, and its client.
//
// A client connects, sends one line, and reads lines until the supervisor closes: progress as it
// happens, then "ok" or "error TEXT". The socket has mode 0600: who may send signals to the
// supervisor may also command it.
//
// Server side: on the supervisor's only thread, never blocks. A client that does not read loses
// lines, not the command.
#pragma once

#include <poll.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace topgun::supervisor {

// One client, until its command has ended.
class ControlClient {
 public:
  explicit ControlClient(int fd) : fd_(fd) {}  // takes the descriptor
  ~ControlClient();
  ControlClient(const ControlClient&) = delete;
  ControlClient& operator=(const ControlClient&) = delete;

  void Say(std::string_view line);
  // The last line.
  void Finish(const Status& result);
  // It has closed its end, so nobody waits for the rest of its command.
  bool gone() const;

 private:
  friend class ControlSocket;
  enum class Input { kPartial, kLine, kRefused };
  Input Read();

  const int fd_;
  std::string input_;  // the line, as far as it has arrived
};

using ControlClientPtr = std::shared_ptr<ControlClient>;

class ControlSocket {
 public:
  static constexpr size_t kClientsMax = 8;  // that have not sent their line yet
  static constexpr size_t kLineBytesMax = 4096;

  explicit ControlSocket(std::string path) : path_(std::move(path)) {}
  ~ControlSocket();
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  Status Listen();
  // Appends what Serve() waits for.
  void AddTo(std::vector<pollfd>& waited) const;
  // Takes what has arrived. `handle` gets every line, without its end, and owns the client then.
  void Serve(const std::function<void(std::string_view line, ControlClientPtr client)>& handle);

 private:
  void Accept();

  const std::string path_;
  int fd_ = -1;
  std::vector<ControlClientPtr> clients_;
};

// The other side: sends `line` to the supervisor at `path`, passes its lines on as they come, and
// returns the result. Blocks until the command has ended.
Status SendCommand(const std::string& path, std::string_view line,
                   const std::function<void(std::string_view line)>& print);

}  // namespace topgun::supervisor
