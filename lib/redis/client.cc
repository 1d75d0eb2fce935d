#include "redis/client.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "redis/client_metrics.h"
#include "slot_table.h"
#include "topology_reader.h"

namespace topgun::redis {
namespace {

using ErrorCode = boost::system::error_code;

// Between questions while a primary stays away.
constexpr std::chrono::milliseconds kRefreshPauseMax{1000};

ConnectionOptions LoginOfReader(const ClientOptions& options) {
  ConnectionOptions connection = options.connection;
  if (options.topology.cluster) return connection;
  Security& security = connection.security;
  security = {.password = options.topology.sentinel_password, .tls = security.tls};
  return connection;
}

}  // namespace

Client::Client(boost::asio::io_context& io, ClientOptions options, ClientEvents events,
               ClientMetrics* metrics)
    : io_(io),
      options_(std::move(options)),
      events_(std::move(events)),
      metrics_(metrics),
      nowhere_(io, options_.connection, {}),
      refresh_timer_(io),
      refresh_pause_(options_.refresh_pause),
      alive_(std::make_shared<char>()) {
  if (options_.topology.fixed()) return;
  reader_ = std::make_unique<TopologyReader>(io_, options_.topology, LoginOfReader(options_));
}

Client::~Client() { Close(); }

Route& Client::AddRoute(std::string_view key, RouteEvents events) {
  Route& route = routes_.emplace_back();
  route.slot_ = SlotOfKey(key);
  route.events_ = std::move(events);
  route.connection_ = &nowhere_;
  return route;
}

void Client::Start() {
  if (reader_ == nullptr) return Apply(SlotTable::Of(options_.topology.addresses.front()));
  Refresh();
}

void Client::Close() {
  if (std::exchange(closed_, true)) return;
  refresh_timer_.cancel();
  if (reader_ != nullptr) reader_->Close();
  for (auto& [address, connection] : connections_) connection->Close();
  if (metrics_ != nullptr) metrics_->Connections(-static_cast<int>(connections_.size()));
  nowhere_.Close();
}

bool Client::connected() const {
  return std::all_of(routes_.begin(), routes_.end(),
                     [](const Route& route) { return route.connected(); });
}

// Whoever loses its way hears of it before anybody hears of a new one.
void Client::Apply(const SlotTable& table) {
  std::vector<Route*> turned;
  for (Route& route : routes_) {
    const std::string address(table.AddressOf(route.slot_));
    if (address == route.address_) continue;
    const bool was_connected = route.connected();
    route.address_ = address;
    route.connection_ = ConnectionTo(address);
    turned.push_back(&route);
    if (was_connected && route.events_.disconnected) {
      route.events_.disconnected(Unavailable("its slot is at another primary now"));
    }
  }
  DropUnused();
  bool any_connected = false;
  for (const Route* route : turned) {
    if (!route->connected()) continue;
    any_connected = true;
    if (route->events_.connected) route->events_.connected();
  }
  if (any_connected && events_.connected) events_.connected();
}

Connection* Client::ConnectionTo(const std::string& address) {
  if (address.empty()) return &nowhere_;
  std::unique_ptr<Connection>& connection = connections_[address];
  if (connection != nullptr) return connection.get();
  ConnectionOptions options = options_.connection;
  options.address = address;
  connection = std::make_unique<Connection>(
      io_, std::move(options),
      Connection::Events{
          .connected = [this, address](const std::string&) { OnConnected(address); },
          .disconnected = [this,
                           address](const Status& reason) { OnDisconnected(address, reason); },
          .connect_failed = [this](const Status& reason) { OnConnectFailed(reason); },
          .redirected = [this](Redirect redirect) { OnRedirected(redirect); }});
  if (metrics_ != nullptr) metrics_->Connections(1);
  connection->Start();
  return connection.get();
}

// What is still unanswered there fails when the connection goes.
void Client::DropUnused() {
  std::vector<std::unique_ptr<Connection>> dropped;
  for (auto it = connections_.begin(); it != connections_.end();) {
    const bool used = std::any_of(routes_.begin(), routes_.end(),
                                  [&](const Route& route) { return route.address_ == it->first; });
    if (used) {
      ++it;
      continue;
    }
    dropped.push_back(std::move(it->second));
    it = connections_.erase(it);
  }
  if (metrics_ != nullptr) metrics_->Connections(-static_cast<int>(dropped.size()));
}

void Client::OnConnected(const std::string& address) {
  for (const Route& route : routes_) {
    if (route.address_ == address && route.events_.connected) route.events_.connected();
  }
  if (events_.connected) events_.connected();
}

void Client::OnDisconnected(const std::string& address, const Status& reason) {
  if (metrics_ != nullptr) metrics_->Reconnecting();
  for (const Route& route : routes_) {
    if (route.address_ == address && route.events_.disconnected) route.events_.disconnected(reason);
  }
  if (events_.disconnected) events_.disconnected(Annotate(reason, address));
  WantRefresh();
}

void Client::OnConnectFailed(const Status& reason) {
  if (metrics_ != nullptr) metrics_->Reconnecting();
  if (events_.connect_failed) events_.connect_failed(reason);
  WantRefresh();
}

void Client::OnRedirected(Redirect redirect) {
  if (metrics_ != nullptr) metrics_->Redirected(redirect);
  if (reader_ == nullptr && events_.topology_unknown) {
    events_.topology_unknown(FailedPrecondition("this is a node of a Redis Cluster"));
  }
  // While a slot is being moved it still belongs to the node that said so.
  if (redirect == Redirect::kMoved || redirect == Redirect::kClusterDown) WantRefresh();
}

void Client::WantRefresh() {
  if (closed_ || reader_ == nullptr || std::exchange(refresh_wanted_, true)) return;
  if (!refreshing_) ArmRefresh();
}

void Client::ArmRefresh() {
  refresh_timer_.expires_at(last_refresh_ +
                            (refresh_wanted_ ? refresh_pause_ : options_.refresh_interval));
  refresh_timer_.async_wait([this, alive = std::weak_ptr(alive_)](const ErrorCode& error) {
    if (!error && !alive.expired() && !closed_) Refresh();
  });
}

void Client::Refresh() {
  if (refreshing_) return;
  refreshing_ = true;
  refresh_wanted_ = false;
  last_refresh_ = Clock::now();
  reader_->Ask([this](const StatusOr<SlotTable>& table) { OnTopology(table); });
}

// Asks again soon for as long as some route leads nowhere.
void Client::OnTopology(const StatusOr<SlotTable>& table) {
  if (closed_) return;
  refreshing_ = false;
  if (metrics_ != nullptr) metrics_->Refreshed(table.ok());
  if (table.ok()) {
    Apply(*table);
  } else if (events_.topology_unknown) {
    events_.topology_unknown(table.status());
  }
  if (closed_) return;
  const bool settled = table.ok() && connected();
  const auto longer = std::max(options_.refresh_pause, kRefreshPauseMax);
  refresh_pause_ = settled ? options_.refresh_pause : std::min(refresh_pause_ * 2, longer);
  refresh_wanted_ = refresh_wanted_ || !settled;
  ArmRefresh();
}

}  // namespace topgun::redis
