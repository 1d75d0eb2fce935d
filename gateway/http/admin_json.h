// What the administration endpoints share about JSON: bodies of requests, errors. Pure; any
// thread.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "crdt/timestamp.h"
#include "http/http.h"
#include "json/msgpack_json.h"

namespace topgun::gateway {

inline constexpr size_t kAdminBodyBytesMax = size_t{64} << 10;

// The same text, as Boost.JSON wants it.
inline boost::json::string_view View(std::string_view text) { return {text.data(), text.size()}; }

// {"millis":..,"counter":..,"nodeId":..}
boost::json::object ToJson(const crdt::Timestamp& timestamp);

HttpResponse JsonResponse(int status, const boost::json::value& body);

// The answer to a request that the cluster could not serve.
HttpResponse ErrorResponse(const Status& status);

// A page of another origin may not send this type unasked, so every body must be marked with it.
inline constexpr std::string_view kJsonWanted = "content-type: must be application/json";
bool IsJson(const HttpRequest& request);

// The body of a request: a JSON object, sent as such. The first problem is kept; what is read after
// it is worthless. Members that nobody knows are refused where they might mean something.
class JsonBody {
 public:
  using Names = std::initializer_list<std::string_view>;

  JsonBody(const HttpRequest& request, Names known) {
    Read(request);
    RefuseOthers(known);
  }
  // Other members are ignored.
  explicit JsonBody(const HttpRequest& request) { Read(request); }

  // A member that must be there and not be empty.
  std::string Text(std::string_view name);
  // A member that must be there and be a whole number from `min` to `max`.
  int64_t WholeNumber(std::string_view name, int64_t min, int64_t max);

  const boost::json::object& members() const { return members_; }
  void Refuse(int status, std::string_view message, std::string_view field = {});
  // What is wrong; nothing when all is well.
  const std::optional<HttpResponse>& refusal() const { return refusal_; }

 private:
  void Read(const HttpRequest& request);
  void RefuseOthers(Names known);
  const boost::json::value* Find(std::string_view name);

  boost::json::object members_;
  std::optional<HttpResponse> refusal_;
};

// What is wrong with a number that should be a whole one in this range; empty when nothing is.
std::string CheckWholeNumber(const boost::json::value& value, int64_t min, int64_t max,
                             int64_t* out);

}  // namespace topgun::gateway
