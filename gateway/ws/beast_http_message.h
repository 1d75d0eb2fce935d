// Between Beast's messages and those of http/http.h, whatever carries them. Pure. Included by
// beast_listener.cc only (see beast_session.h).
#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/beast/http.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "http/http.h"

namespace topgun::gateway {

using BeastRequest = boost::beast::http::request<boost::beast::http::string_body>;
using BeastResponse = boost::beast::http::response<boost::beast::http::string_body>;

inline std::string_view ToStd(boost::beast::string_view text) { return {text.data(), text.size()}; }

inline std::string_view PathOfTarget(std::string_view target) {
  return target.substr(0, target.find('?'));
}

// An IPv4 address as itself when it came in through an IPv6 socket.
inline boost::asio::ip::address Unmapped(const boost::asio::ip::address& address) {
  namespace ip = boost::asio::ip;
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
  return ip::make_address_v4(ip::v4_mapped, address.to_v6());
}

// As much as has been read of the message, which it points into. Who asks is left to the caller.
inline HttpRequest ViewOf(const BeastRequest& message) {
  const std::string_view target = ToStd(message.target());
  const std::string_view path = PathOfTarget(target);
  HttpRequest request;
  request.method = ToStd(message.method_string());
  request.path = path;
  if (path.size() < target.size()) request.query = target.substr(path.size() + 1);
  request.body = message.body();
  for (const auto& each : message) {
    request.headers.emplace_back(ToStd(each.name_string()), ToStd(each.value()));
  }
  return request;
}

// The message that gives `answer` to a request, without a body when that was HEAD.
inline void Fill(BeastResponse& response, HttpResponse answer, const BeastRequest& request,
                 bool keep_alive) {
  response = {};
  response.result(static_cast<unsigned>(answer.status));
  response.version(request.version());
  response.keep_alive(keep_alive);
  if (!answer.content_type.empty()) {
    response.set(boost::beast::http::field::content_type, answer.content_type);
  }
  for (const auto& [name, value] : answer.headers) response.insert(name, value);
  if (answer.status != 204 && answer.status != 304) response.content_length(answer.body.size());
  if (request.method() != boost::beast::http::verb::head) response.body() = std::move(answer.body);
}

// Whether it broke the rules of HTTP, rather than ended or exceeded a limit.
inline bool IsMalformed(const boost::system::error_code& error) {
  namespace http = boost::beast::http;
  return error.category() == make_error_code(http::error::bad_version).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

}  // namespace topgun::gateway
