// One kind of HTTP request, again and again: POST to a fixed URL over a connection that is kept.
// Private to this library; one thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace topgun::tracing {

struct PostOptions {
  std::string url;
  std::string content_type;
  std::vector<std::string> headers;  // lines
  std::string ca_file;               // empty: the system's certificates
  std::chrono::milliseconds timeout{10'000};
};

struct PostAnswer {
  int status = 0;                           // 0: there was no answer, `problem` says why
  std::string body;                         // its first 64 KiB
  std::chrono::milliseconds retry_after{};  // the server's wish; 0: none
  std::string problem;
};

class HttpPost {
 public:
  // `abort` is asked about once a second while a request is on its way; true ends it.
  HttpPost(PostOptions options, std::function<bool()> abort);
  ~HttpPost();
  HttpPost(const HttpPost&) = delete;
  HttpPost& operator=(const HttpPost&) = delete;

  PostAnswer Send(const std::string& body, std::chrono::milliseconds timeout);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace topgun::tracing
