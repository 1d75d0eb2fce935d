// An HTTP/1.1 server on 127.0.0.1 for tests of what calls one: it keeps every request and answers
// as it is told. One connection at a time, on a thread of its own. Methods are for the test's
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace topgun::support {

struct ServerRequest {
  std::string head;  // request line and headers, as they came
  std::string body;
};

struct ServerAnswer {
  int status = 200;
  std::string body = "{}";
  std::string headers = {};  // whole lines
  bool hang = false;         // no answer, until the server ends
};

class HttpServer {
 public:
  // On the server's thread, for each request.
  using Answer = std::function<ServerAnswer(const ServerRequest& request)>;

  explicit HttpServer(Answer answer);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  uint16_t port() const;
  std::vector<ServerRequest> requests() const;  // so far

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace topgun::support
