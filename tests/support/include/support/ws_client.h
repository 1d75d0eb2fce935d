// A blocking WebSocket client for tests: sends what it is told to, also what no proper client
// would, and keeps what it receives until it is asked for. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace topgun::support {

class WsClient {
 public:
  struct Options {
    std::string host = "127.0.0.1";
    uint16_t port = 0;
    std::string path = "/ws";
    std::string origin = {};  // header; empty: none
  };

  explicit WsClient(const Options& options);
  ~WsClient();
  WsClient(const WsClient&) = delete;
  WsClient& operator=(const WsClient&) = delete;

  // The HTTP status of the upgrade: 101 when it is a WebSocket, 0 when there was no answer.
  int status() const;

  void Send(std::string_view message, bool binary = true);
  // Pieces of one message, as frames of their own.
  void SendFragments(std::string_view first, std::string_view second);
  void SendPing(std::string_view payload);
  // Bytes straight to the socket.
  void SendRaw(std::string_view bytes);

  // The next message; nothing when the connection has ended or `patience` is over. Nothing is read
  // from the socket between calls.
  std::optional<std::string> Receive(std::chrono::milliseconds patience = std::chrono::seconds(10));
  // Payload of the last pong.
  const std::string& pong() const;

  // Reads until the server has closed the connection; false when it has not within `patience`.
  bool WaitClosed(std::chrono::milliseconds patience = std::chrono::seconds(10));
  // Of the server's close frame; 1005: none was given, 0: there was no close frame.
  uint16_t close_code() const;
  std::string close_reason() const;

  // Closes the socket without a word.
  void Drop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Status code of a plain HTTP GET, with `header_bytes` of extra header.
int HttpGet(uint16_t port, const std::string& path, size_t header_bytes = 0);

}  // namespace topgun::support
