// A blocking HTTP/1.1 client for tests that decides about every byte it sends. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace topgun::support {

struct HttpAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

class HttpClient {
 public:
  explicit HttpClient(uint16_t port, const std::string& host = "127.0.0.1");
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Bytes straight to the socket; false when it is broken.
  bool Send(std::string_view bytes);
  // The next answer; nothing when the connection has ended or `patience` is over. `head`: it has no
  // body whatever its header says.
  std::optional<HttpAnswer> Receive(bool head = false,
                                    std::chrono::milliseconds patience = std::chrono::seconds(10));
  // Reads until the server has closed the connection; false when it has not within `patience`.
  bool WaitClosed(std::chrono::milliseconds patience = std::chrono::seconds(10));
  // Closes the socket without a word.
  void Drop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The status of one request on a connection of its own, 0 when there was no answer; `body`, if
// given, gets that of the answer.
int HttpExchange(uint16_t port, std::string_view method, std::string_view target,
                 std::string* body = nullptr);

// A request with a Host header, and `content-length` when there is a body. `headers` are whole
// lines.
std::string HttpRequestText(std::string_view method, std::string_view target,
                            std::string_view body = {}, std::string_view headers = {});

}  // namespace topgun::support
