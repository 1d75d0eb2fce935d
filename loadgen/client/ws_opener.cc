#include "client/ws_opener.h"

#include <chrono>
#include <utility>

#include "client/base64.h"

namespace topgun::loadgen {
namespace {

constexpr std::chrono::seconds kOpenTimeout{5};  // core.md 2.8
constexpr unsigned kSwitchingProtocols = 101;

}  // namespace

WsOpener::WsOpener(boost::asio::io_context& io, ClientStream& stream, const Endpoint& endpoint,
                   const std::string& source_ip, Random& random, Traffic& traffic)
    : endpoint_(endpoint),
      random_(random),
      connector_(io, stream, endpoint, source_ip),
      exchange_(stream, traffic),
      timer_(io) {}

void WsOpener::Start(const std::weak_ptr<void>& owner, Done done) {
  owner_ = owner;
  done_ = std::move(done);
  timer_.expires_after(kOpenTimeout);
  timer_.async_wait([this, self = owner_.lock()](boost::system::error_code error) {
    if (!error && done_) Finish(Unavailable("connecting timed out"));
  });
  connector_.Start(owner_, [this](const Status& connected) {
    connected.ok() ? SendUpgrade() : Finish(connected);
  });
}

void WsOpener::Cancel() {
  done_ = nullptr;
  timer_.cancel();
  connector_.Cancel();
  exchange_.Cancel();
}

void WsOpener::SendUpgrade() {
  const uint64_t nonce[2] = {random_.Next(), random_.Next()};
  key_ = Base64({reinterpret_cast<const char*>(nonce), sizeof nonce});
  HttpRequest request{.method = HttpRequest::Method::kGet,
                      .target = endpoint_.path,
                      .headers = {{"Host", endpoint_.Authority()},
                                  {"Upgrade", "websocket"},
                                  {"Connection", "Upgrade"},
                                  {"Sec-WebSocket-Key", key_},
                                  {"Sec-WebSocket-Version", "13"}},
                      .body = {}};
  exchange_.Start(owner_, std::move(request), [this](const StatusOr<HttpAnswer>& answer) {
    Finish(answer.ok() ? Check(*answer) : answer.status());
  });
}

StatusOr<std::string> WsOpener::Check(const HttpAnswer& answer) const {
  if (answer.status != kSwitchingProtocols) {
    return Unavailable("the upgrade was answered with HTTP " + std::to_string(answer.status));
  }
  if (answer.websocket_accept != WebSocketAccept(key_)) {
    return Unavailable("the upgrade was answered with a wrong Sec-WebSocket-Accept");
  }
  return answer.rest;
}

void WsOpener::Finish(const StatusOr<std::string>& result) {
  const Done done = std::exchange(done_, nullptr);
  Cancel();
  if (done) done(result);
}

}  // namespace topgun::loadgen
