#include "report/error_codes.h"

#include <charconv>

namespace topgun::loadgen {

std::string_view MeaningOfError(int64_t code) {
  switch (code) {
    case 400:
      return "the message was malformed or not acceptable";
    case 401:
      return "authentication is missing or failed";
    case 403:
      return "the map policies do not allow it";
    case 413:
      return "the message or value was too large";
    case 429:
      return "too many operations; the client waits and sends again";
    case 500:
      return "the server failed";
    case 501:
      return "the server does not implement it";
    case 503:
      return "the server is overloaded or a service behind it is away";
    case 504:
      return "the write concern was not reached in time";
    default:
      return "unknown code";
  }
}

std::string_view MeaningOfClose(std::string_view reason) {
  int code = 0;
  const auto [end, error] = std::from_chars(reason.data(), reason.data() + reason.size(), code);
  if (error != std::errc()) return "the connection broke, without a close frame";
  switch (code) {
    case 1000:
      return "normal end, for instance after a lack of heartbeats";
    case 1001:
      return "the server is shutting down";
    case 1002:
    case 1003:
    case 1007:
      return "the server did not understand the client";
    case 1008:
      return "the server's rules forbid the connection";
    case 1009:
      return "a message was too large";
    case 1011:
      return "the server failed";
    case 1013:
      return "overload: the client reads too slowly, or the server has too much to do";
    default:
      return "other code";
  }
}

}  // namespace topgun::loadgen
