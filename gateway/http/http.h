// HTTP requests on the client port (core.md 9), free of the library that parses them.
//
// ws/ reads a request whole, within its limits, and hands it to the loop's HttpHandler. The answer
// comes through `Respond`, exactly once, on the loop's thread, during the call or in a later turn;
// when the client has gone meanwhile, calling it does nothing. One thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace topgun::gateway {

// Valid during HttpHandler::Handle only; whoever answers later copies what it needs.
struct HttpRequest {
  std::string_view method;  // upper case, as sent
  std::string_view path;    // percent-encoded, without query
  std::string_view query;   // what follows '?', percent-encoded; may be empty
  std::string_view body;
  std::vector<std::pair<std::string_view, std::string_view>> headers;
  std::string_view peer;  // address of the socket's other end, without port
  bool loopback = false;  // the socket was accepted on a loopback address

  // The first header of that name (any case); empty when there is none.
  std::string_view Header(std::string_view name) const;
};

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpResponse {
  int status = 200;
  std::string content_type;  // left out when empty
  std::string body;
  HttpHeaders headers;
};

// Names of headers are equal in any case.
bool SameHeaderName(std::string_view a, std::string_view b);

using Respond = std::function<void(HttpResponse)>;

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;

  virtual void Handle(const HttpRequest& request, Respond respond) = 0;
  // The answer to a request that is not read to its end: too large, malformed, too slow, too many.
  // What could not be read of it is empty.
  virtual HttpResponse Refuse(const HttpRequest& request, int status, std::string_view message) = 0;
};

// {"code":..,"message":..,"field"?:..} (core.md 9.2).
HttpResponse JsonError(int code, std::string_view message, std::string_view field = {});
// A JSON body.
HttpResponse JsonResponse(int status, std::string body);

}  // namespace topgun::gateway
