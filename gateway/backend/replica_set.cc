#include "backend/replica_set.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <functional>
#include <utility>

#include "dispatch/rendezvous.h"
#include "logging/logging.h"
#include "rpc/channel.h"

namespace topgun::gateway {
namespace {

constexpr std::string_view kComponent = "replicas";

}  // namespace

Replica::Replica(const discovery::Address& address, const rpc::Credentials& credentials)
    : address_(address.address),
      channel_(
          rpc::MakeChannel(address_, {.credentials = credentials, .server_name = address.name})),
      stub_(sync::v1::Sync::NewStub(channel_)) {}

void Replica::MarkFailed() {
  up_ = false;
  failed_ = true;
  not_before_ = std::chrono::steady_clock::now() + backoff_;
  backoff_ = std::min(backoff_ * 2, kBackoffMax);
}

ReplicaSet::ReplicaSet(boost::asio::io_context& io, discovery::Resolver& resolver,
                       rpc::Credentials credentials, Probe& probe)
    : io_(io), resolver_(resolver), credentials_(std::move(credentials)), probe_(probe) {}

ReplicaSet::~ReplicaSet() { Stop(); }

void ReplicaSet::Start() {
  subscribed_ = true;
  Relist(resolver_.Subscribe(*this));
}

void ReplicaSet::Stop() {
  if (std::exchange(subscribed_, false)) resolver_.Unsubscribe(*this);
}

void ReplicaSet::OnAddresses(const discovery::Addresses& addresses) {
  boost::asio::post(io_, [this, addresses] {
    if (subscribed_) Relist(addresses);
  });
}

void ReplicaSet::Relist(const discovery::Addresses& addresses) {
  for (const auto& replica : replicas_) {
    const bool listed = std::any_of(addresses.begin(), addresses.end(), [&](const auto& address) {
      return address.address == replica->address();
    });
    if (listed == std::exchange(replica->listed_, listed)) continue;
    logging::Info(kComponent, listed ? "sync replica is back" : "sync replica is leaving",
                  {{"address", replica->address()}});
  }
  for (const discovery::Address& address : addresses) {
    if (Knows(address.address)) continue;
    replicas_.push_back(std::make_unique<Replica>(address, credentials_));
    logging::Info(kComponent, "sync replica added", {{"address", address.address}});
  }
  Tick(std::chrono::steady_clock::now());
}

bool ReplicaSet::Knows(const std::string& address) const {
  return std::any_of(replicas_.begin(), replicas_.end(),
                     [&](const auto& replica) { return replica->address() == address; });
}

bool ReplicaSet::Refresh(Replica& replica, Time now) {
  // Asking for the state also makes an idle channel connect.
  const bool connected = replica.channel_->GetState(true) == GRPC_CHANNEL_READY;
  const bool lost = std::exchange(replica.connected_, connected) && !connected;
  const bool failed = std::exchange(replica.failed_, false);
  replica.up_ = connected && replica.listed_ && now >= replica.not_before_;
  return !lost && !failed;
}

void ReplicaSet::Tick(Time now) {
  bool changed = false;
  bool fine = true;
  for (const auto& replica : replicas_) {
    const bool was_up = replica->up_;
    fine = Refresh(*replica, now) && fine;
    changed = changed || replica->up_ != was_up;
  }
  if (!fine) resolver_.Hurry();
  if (changed) {
    for (Observer* const observer : observers_) observer->OnReplicasChanged();
  }
  RemoveUnused();
  Report();
}

void ReplicaSet::RemoveUnused() {
  std::erase_if(replicas_, [this](const std::unique_ptr<Replica>& replica) {
    const auto uses = [&](const Observer* observer) { return observer->Uses(*replica); };
    if (replica->listed_ || std::any_of(observers_.begin(), observers_.end(), uses)) return false;
    for (Observer* const observer : observers_) observer->OnReplicaRemoved(*replica);
    logging::Info(kComponent, "sync replica removed", {{"address", replica->address()}});
    return true;
  });
}

void ReplicaSet::Report() {
  const auto up = static_cast<int>(up_count());
  const auto leaving = static_cast<int>(std::count_if(
      replicas_.begin(), replicas_.end(), [](const auto& replica) { return !replica->listed(); }));
  probe_.ReplicaUp(up - std::exchange(reported_up_, up));
  probe_.ReplicaLeaving(leaving - std::exchange(reported_leaving_, leaving));
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

size_t ReplicaSet::up_count() const {
  return static_cast<size_t>(std::count_if(replicas_.begin(), replicas_.end(),
                                           [](const auto& replica) { return replica->up(); }));
}

}  // namespace topgun::gateway
