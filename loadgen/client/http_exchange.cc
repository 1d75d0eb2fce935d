// The only file of the client that knows Beast: for the upgrade to WebSocket, and for POST /sync.
#include "client/http_exchange.h"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace topgun::loadgen {
namespace {

namespace http = boost::beast::http;

constexpr uint64_t kAnswerBytesMax = uint64_t{64} << 20;

http::verb VerbOf(HttpRequest::Method method) {
  return method == HttpRequest::Method::kPost ? http::verb::post : http::verb::get;
}

std::string ReasonOf(boost::system::error_code error) {
  return error == http::error::end_of_stream ? "closed by the server" : error.message();
}

}  // namespace

// Kept by the handlers that use them.
struct HttpExchange::Messages {
  http::request<http::string_body> request;
  http::response_parser<http::string_body> parser;
  boost::beast::flat_buffer buffer;
};

void HttpExchange::Start(std::weak_ptr<void> owner, HttpRequest request, Done done) {
  done_ = std::move(done);
  const auto messages = std::make_shared<Messages>();
  messages->parser.body_limit(kAnswerBytesMax);
  auto& message = messages->request;
  message = {VerbOf(request.method), request.target, 11};
  for (const auto& [name, value] : request.headers) message.set(name, value);
  message.body() = std::move(request.body);
  if (request.method == HttpRequest::Method::kPost) message.prepare_payload();
  http::async_write(stream_, message,
                    [this, self = owner.lock(), messages](error_code error, size_t size) {
                      if (!busy()) return;
                      traffic_.bytes_sent += size;
                      if (error) return Finish(Unavailable(ReasonOf(error)));
                      Read(self, messages);
                    });
}

void HttpExchange::Read(const std::shared_ptr<void>& owner,
                        const std::shared_ptr<Messages>& messages) {
  http::async_read(stream_, messages->buffer, messages->parser,
                   [this, self = owner, messages](error_code error, size_t size) {
                     if (!busy()) return;
                     traffic_.bytes_received += size;
                     if (error) return Finish(Unavailable(ReasonOf(error)));
                     auto& response = messages->parser.get();
                     HttpAnswer answer;
                     answer.status = response.result_int();
                     answer.keep_alive = response.keep_alive();
                     answer.websocket_accept =
                         std::string(response[http::field::sec_websocket_accept]);
                     answer.body = std::move(response.body());
                     const auto rest = messages->buffer.data();
                     answer.rest.assign(static_cast<const char*>(rest.data()), rest.size());
                     Finish(std::move(answer));
                   });
}

void HttpExchange::Finish(const StatusOr<HttpAnswer>& result) {
  const Done done = std::exchange(done_, nullptr);
  if (done) done(result);
}

}  // namespace topgun::loadgen
