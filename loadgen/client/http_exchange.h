// One HTTP/1.1 request and its answer on a stream that is connected, without naming the library
// that does it. May be used again once an exchange is over.
//
// A part of the connection whose stream it uses, on its loop's thread. Has no timeout of its own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "client/client_stream.h"
#include "client/traffic.h"

namespace topgun::loadgen {

struct HttpRequest {
  enum class Method { kGet, kPost };

  Method method = Method::kGet;
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;  // Content-Length is added
  std::string body;                                          // of a POST
};

struct HttpAnswer {
  unsigned status = 0;
  bool keep_alive = false;       // the stream may be used again
  std::string websocket_accept;  // the header of that name; empty without it
  std::string body;
  std::string rest;  // bytes that came right behind the answer
};

class HttpExchange {
 public:
  // The answer, or why there is none.
  using Done = std::function<void(const StatusOr<HttpAnswer>&)>;

  // `stream` must outlive the exchange, `traffic` only until it is over or cancelled.
  HttpExchange(ClientStream& stream, Traffic& traffic) : stream_(stream), traffic_(traffic) {}

  // Calls `done` once, in a later turn of the loop, which may start the next exchange. Whatever
  // waits keeps `owner` alive, of which this is a part.
  void Start(std::weak_ptr<void> owner, HttpRequest request, Done done);
  // `done` is not called any more. The stream is left to its owner.
  void Cancel() { done_ = nullptr; }
  bool busy() const { return done_ != nullptr; }

 private:
  using error_code = boost::system::error_code;
  struct Messages;

  void Read(const std::shared_ptr<void>& owner, const std::shared_ptr<Messages>& messages);
  void Finish(const StatusOr<HttpAnswer>& result);

  ClientStream& stream_;
  Traffic& traffic_;
  Done done_;  // null before and after an exchange
};

}  // namespace topgun::loadgen
