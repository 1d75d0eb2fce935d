#include "topology_reader.h"

#include <algorithm>
#include <utility>

namespace topgun::redis {
namespace {

constexpr std::chrono::milliseconds kPatience{1000};

ConnectionOptions Asking(ConnectionOptions options) {
  options.any_role = true;
  options.timeout = std::min(options.timeout, kPatience);
  return options;
}

StatusOr<SlotTable> PrimaryOf(const StatusOr<Reply>& reply, const std::string& name) {
  if (!reply.ok()) return reply.status();
  const ReplyView address(reply->get());
  if (address.size() != 2) {
    return Unavailable("the Sentinel knows no primary '" + name + "'");
  }
  std::string host(address[0].str());
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  return SlotTable::Of(host + ":" + std::string(address[1].str()));
}

}  // namespace

TopologyReader::TopologyReader(boost::asio::io_context& io, Topology topology,
                               ConnectionOptions connection)
    : io_(io),
      topology_(std::move(topology)),
      options_(Asking(std::move(connection))),
      candidates_(topology_.addresses) {}

void TopologyReader::Ask(Callback callback) {
  callback_ = std::move(callback);
  asked_ = candidates_[next_++ % candidates_.size()];
  ConnectionOptions options = options_;
  options.address = asked_;
  const auto failed = [this](const Status& reason) { Finish(reason); };
  connection_ = std::make_unique<Connection>(
      io_, std::move(options),
      Connection::Events{.connected = [this](const std::string&) { OnConnected(); },
                         .disconnected = failed,
                         .connect_failed = failed});
  connection_->Start();
}

void TopologyReader::Close() {
  callback_ = nullptr;
  connection_.reset();
}

void TopologyReader::OnConnected() {
  if (topology_.cluster) return AskNode();
  AskSentinel();
}

void TopologyReader::AskNode() {
  connection_->Send({"CLUSTER", "INFO"}, [this](const StatusOr<Reply>& reply) {
    cluster_state_ = reply.status();
    if (!reply.ok()) return;
    const std::string_view info = ReplyView(reply->get()).str();
    if (info.find("cluster_state:ok") == std::string_view::npos) {
      cluster_state_ = Unavailable("the cluster is down, as this node sees it");
    }
  });
  connection_->Send({"CLUSTER", "SLOTS"}, [this](const StatusOr<Reply>& reply) {
    if (!cluster_state_.ok()) return Finish(cluster_state_);
    if (!reply.ok()) return Finish(reply.status());
    Finish(SlotTable::Parse(ReplyView(reply->get()), asked_));
  });
}

void TopologyReader::AskSentinel() {
  connection_->Send(
      {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", topology_.sentinel},
      [this](const StatusOr<Reply>& reply) { Finish(PrimaryOf(reply, topology_.sentinel)); });
}

void TopologyReader::Finish(StatusOr<SlotTable> table) {
  if (callback_ == nullptr) return;
  const Callback callback = std::exchange(callback_, nullptr);
  connection_.reset();
  if (!table.ok()) return callback(Annotate(table.status(), "asking " + asked_));
  if (topology_.cluster) {
    candidates_ = topology_.addresses;
    for (const std::string& node : table->nodes()) {
      const auto known = std::find(candidates_.begin(), candidates_.end(), node);
      if (known == candidates_.end()) candidates_.push_back(node);
    }
  }
  callback(table);
}

}  // namespace topgun::redis
