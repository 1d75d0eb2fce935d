#include "client/ws_client.h"

#include <chrono>
#include <utility>

#include "client/ws_connection.h"

namespace topgun::loadgen {
namespace {

namespace asio = boost::asio;

// Of one connection after the other.
class SocketWsClient final : public WsClient {
 public:
  SocketWsClient(asio::io_context& io, const Endpoint& endpoint, const std::string& source_ip,
                 Listener& listener, Traffic& traffic)
      : io_(io),
        endpoint_(endpoint),
        source_ip_(source_ip),
        listener_(listener),
        traffic_(traffic) {}
  ~SocketWsClient() override {
    if (connection_) connection_->Drop();
  }

  void Connect() override {
    if (connection_) connection_->Drop();
    const auto seed =
        static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
    connection_ =
        std::make_shared<WsConnection>(io_, endpoint_, source_ip_, listener_, traffic_, seed);
    connection_->Start();
  }
  void Send(std::initializer_list<std::string_view> parts) override {
    if (connection_) connection_->Send(WsOpcode::kBinary, parts);
  }
  void Close() override {
    if (connection_) std::exchange(connection_, nullptr)->Close();
  }
  void Drop() override {
    if (connection_) std::exchange(connection_, nullptr)->Drop();
  }
  void StopReading() override {
    if (connection_) connection_->StopReading();
  }

 private:
  asio::io_context& io_;
  const Endpoint endpoint_;
  const std::string source_ip_;
  Listener& listener_;
  Traffic& traffic_;
  std::shared_ptr<WsConnection> connection_;
};

}  // namespace

std::unique_ptr<WsClient> MakeWsClient(asio::io_context& io, const Endpoint& endpoint,
                                       const std::string& source_ip, WsClient::Listener& listener,
                                       Traffic& traffic) {
  return std::make_unique<SocketWsClient>(io, endpoint, source_ip, listener, traffic);
}

}  // namespace topgun::loadgen
