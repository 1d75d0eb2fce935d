#include "client/http_connection.h"

#include <utility>

namespace topgun::loadgen {
namespace {

// The stock client's: core.md 2.8, 9.1.
constexpr std::chrono::milliseconds kConnectTimeout{5'000};
constexpr std::chrono::milliseconds kAnswerTimeout{30'000};

}  // namespace

HttpConnection::HttpConnection(boost::asio::io_context& io, const Endpoint& endpoint,
                               const std::string& source_ip, Listener& listener, Traffic& traffic)
    : endpoint_(endpoint),
      source_ip_(source_ip),
      listener_(&listener),
      stream_(io),
      connector_(io, stream_, endpoint_, source_ip_),
      exchange_(stream_, traffic),
      timer_(io) {}

void HttpConnection::Start() {
  Expect(kConnectTimeout, "connecting timed out");
  connector_.Start(weak_from_this(), [this](const Status& connected) {
    if (!connected.ok()) return Fail(Message(connected));
    timer_.cancel();
    open_ = true;
    listener_->OnOpen();
  });
}

void HttpConnection::Post(const std::string& target, const std::string& token, std::string body) {
  HttpRequest request{
      .method = HttpRequest::Method::kPost,
      .target = target,
      .headers = {{"Host", endpoint_.Authority()}, {"Content-Type", "application/x-msgpack"}},
      .body = std::move(body)};
  if (!token.empty()) request.headers.emplace_back("Authorization", "Bearer " + token);
  Expect(kAnswerTimeout, "no answer for 30 s");
  exchange_.Start(weak_from_this(), std::move(request), [this](const StatusOr<HttpAnswer>& answer) {
    if (!answer.ok()) return Fail(Message(answer.status()));
    timer_.cancel();
    open_ = answer->keep_alive;
    listener_->OnAnswer(*answer);
  });
}

void HttpConnection::Expect(std::chrono::milliseconds timeout, const char* problem) {
  timer_.expires_after(timeout);
  timer_.async_wait([self = shared_from_this(), problem](boost::system::error_code error) {
    // It may have been put off while this handler was already waiting for its turn.
    const bool due = self->timer_.expiry() <= std::chrono::steady_clock::now();
    if (!error && due && !self->idle()) self->Fail(problem);
  });
}

void HttpConnection::Drop() {
  listener_ = nullptr;
  Close();
}

void HttpConnection::Fail(std::string_view reason) {
  Listener* const listener = std::exchange(listener_, nullptr);
  Close();
  if (listener != nullptr) listener->OnClosed(reason);
}

void HttpConnection::Close() {
  open_ = false;
  connector_.Cancel();
  exchange_.Cancel();
  timer_.cancel();
  boost::system::error_code ignored;
  stream_.socket().close(ignored);
}

}  // namespace topgun::loadgen
