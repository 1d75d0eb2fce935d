#include "backend/replica_set.h"

#include <algorithm>
#include <utility>

#include "dispatch/rendezvous.h"
#include "logging/logging.h"
#include "rpc/channel.h"

namespace topgun::gateway {
namespace {

using boost::asio::ip::tcp;

constexpr std::chrono::seconds kResolveEvery{10};

// "host:port" or "[v6]:port".
std::pair<std::string, std::string> Split(const std::string& target) {
  const size_t colon = target.rfind(':');
  if (colon == std::string::npos) return {target, ""};
  std::string host = target.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  return {host, target.substr(colon + 1)};
}

std::string AddressOf(const tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  const std::string port = std::to_string(endpoint.port());
  return endpoint.address().is_v6() ? "[" + host + "]:" + port : host + ":" + port;
}

}  // namespace

Replica::Replica(std::string address, const std::string& server_name,
                 const rpc::Credentials& credentials)
    : address_(std::move(address)),
      channel_(
          rpc::MakeChannel(address_, {.credentials = credentials, .server_name = server_name})),
      stub_(sync::v1::Sync::NewStub(channel_)) {}

void Replica::MarkFailed() {
  up_ = false;
  not_before_ = std::chrono::steady_clock::now() + backoff_;
  backoff_ = std::min(backoff_ * 2, kBackoffMax);
}

ReplicaSet::ReplicaSet(boost::asio::io_context& io, std::vector<std::string> targets,
                       rpc::Credentials credentials, Probe& probe)
    : io_(io),
      targets_(std::move(targets)),
      credentials_(std::move(credentials)),
      probe_(probe),
      resolver_(io),
      resolved_(targets_.size()) {}

void ReplicaSet::Start() {
  Resolve();
  // Literal addresses need no resolver, so they are known before the first connection is.
  for (size_t i = 0; i < targets_.size(); ++i) {
    const auto [host, port] = Split(targets_[i]);
    boost::system::error_code error;
    boost::asio::ip::make_address(host, error);
    if (!error) resolved_[i] = {targets_[i]};
  }
  Relist();
}

void ReplicaSet::Resolve() {
  resolve_at_ = std::chrono::steady_clock::now() + kResolveEvery;
  for (size_t i = 0; i < targets_.size(); ++i) {
    const auto [host, port] = Split(targets_[i]);
    boost::system::error_code error;
    boost::asio::ip::make_address(host, error);
    if (!error) continue;
    resolver_.async_resolve(host, port,
                            [this, i](const boost::system::error_code& failed,
                                      const tcp::resolver::results_type& found) {
                              if (failed) return;  // the last answer stays
                              std::vector<std::string> addresses;
                              for (const auto& entry : found)
                                addresses.push_back(AddressOf(entry.endpoint()));
                              OnResolved(i, addresses);
                            });
  }
}

void ReplicaSet::OnResolved(size_t target, const std::vector<std::string>& addresses) {
  resolved_[target] = addresses;
  Relist();
}

void ReplicaSet::Relist() {
  std::vector<std::string> wanted;
  for (const auto& addresses : resolved_) {
    wanted.insert(wanted.end(), addresses.begin(), addresses.end());
  }
  for (const auto& replica : replicas_) {
    replica->listed_ = std::find(wanted.begin(), wanted.end(), replica->address()) != wanted.end();
  }
  for (size_t i = 0; i < targets_.size(); ++i) {
    for (const std::string& address : resolved_[i]) {
      if (Knows(address)) continue;
      replicas_.push_back(
          std::make_unique<Replica>(address, Split(targets_[i]).first, credentials_));
      logging::Info("replicas", "sync replica added", {{"address", address}});
    }
  }
  Tick(std::chrono::steady_clock::now());
}

bool ReplicaSet::Knows(const std::string& address) const {
  return std::any_of(replicas_.begin(), replicas_.end(),
                     [&](const auto& replica) { return replica->address() == address; });
}

void ReplicaSet::Tick(Time now) {
  bool changed = false;
  for (const auto& replica : replicas_) {
    // Asking for the state also makes an idle channel connect.
    const bool connected = replica->channel_->GetState(true) == GRPC_CHANNEL_READY;
    const bool up = connected && replica->listed_ && now >= replica->not_before_;
    if (up == replica->up_) continue;
    replica->up_ = up;
    changed = true;
  }
  const auto count = static_cast<int>(up_count());
  probe_.ReplicaUp(count - std::exchange(reported_up_, count));
  if (changed) {
    for (Observer* const observer : observers_) observer->OnReplicasChanged();
  }
  if (now >= resolve_at_) Resolve();
}

Replica* ReplicaSet::Pick(std::string_view name, size_t rank) {
  std::vector<std::pair<uint64_t, Replica*>> candidates;
  for (const auto& replica : replicas_) {
    if (replica->up_) {
      candidates.emplace_back(RendezvousScore(replica->address(), name), replica.get());
    }
  }
  if (candidates.empty()) return nullptr;
  std::sort(candidates.begin(), candidates.end(), std::greater<>());
  return candidates[rank % candidates.size()].second;
}

Replica* ReplicaSet::PickForShard(uint32_t shard) { return Pick("shard/" + std::to_string(shard)); }

size_t ReplicaSet::up_count() const {
  return static_cast<size_t>(std::count_if(replicas_.begin(), replicas_.end(),
                                           [](const auto& replica) { return replica->up(); }));
}

}  // namespace topgun::gateway
