#include "proxy/fault_proxy.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "stats/process_cpu.h"

namespace topgun::loadgen {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kProxyTick{10};

}  // namespace

FaultProxy::FaultProxy(const ProxyFaults& faults, uint64_t seed)
    : schedule_(faults, seed),
      space_(ProxyPipe::kReadBytesMax, '\0'),
      timer_(io_),
      start_(steady_clock::now()) {}

FaultProxy::~FaultProxy() {
  if (thread_.joinable()) Stop();
}

Status FaultProxy::Start(std::vector<Endpoint>* endpoints) {
  for (Endpoint& endpoint : *endpoints) RETURN_IF_ERROR(Open(&endpoint));
  Tick();
  thread_ = std::thread([this] {
    io_.run();
    cpu_ns_ = ThreadCpuNs();
  });
  return OkStatus();
}

Status FaultProxy::Open(Endpoint* endpoint) {
  boost::system::error_code error;
  auto gateway = tcp::resolver(io_).resolve(endpoint->host, endpoint->port, error);
  if (error) return Unavailable(endpoint->Authority() + ": " + error.message());
  tcp::acceptor acceptor(io_);
  const tcp::endpoint local(boost::asio::ip::address_v4::loopback(), 0);
  acceptor.open(local.protocol(), error);
  if (!error) acceptor.bind(local, error);
  if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  if (error) return Unavailable("the fault proxy cannot listen: " + error.message());
  endpoint->proxy_port = acceptor.local_endpoint(error).port();
  doors_.push_back({std::move(acceptor), std::move(gateway), false});
  return OkStatus();
}

void FaultProxy::Accept(Door& door) {
  door.accepting = true;
  door.acceptor.async_accept([this, &door](boost::system::error_code error, tcp::socket client) {
    door.accepting = !error;
    if (error) return;
    OnClient(door, std::move(client));
    Accept(door);
  });
}

void FaultProxy::OnClient(Door& door, tcp::socket client) {
  ++report_.connections;
  const auto link = std::make_shared<ProxyLink>(std::move(client), schedule_, report_, space_,
                                                [this](ProxyLink& ended) { Forget(ended); });
  if (schedule_.Refuses()) {
    ++report_.refused;
    return link->Cut();
  }
  link->index = links_.size();
  links_.push_back(link);
  link->Start(door.gateway);
}

void FaultProxy::Forget(const ProxyLink& link) {
  const size_t index = link.index;
  std::swap(links_[index], links_.back());
  links_[index]->index = index;
  links_.pop_back();
}

void FaultProxy::Tick() {
  const auto now = steady_clock::now();
  for (Door& door : doors_) {
    if (!door.accepting) Accept(door);
  }
  CutDue(now);
  report_.stalls = schedule_.StallsBegun(now);
  timer_.expires_after(kProxyTick);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) Tick();
  });
}

void FaultProxy::CutDue(FaultSchedule::Time now) {
  // What is due while there is no connection is not made up for later.
  for (const uint64_t due = schedule_.CutsDue(now); cuts_done_ < due; ++cuts_done_) {
    if (links_.empty()) continue;
    const std::shared_ptr<ProxyLink> victim = links_[schedule_.Pick(links_.size())];
    Forget(*victim);
    victim->Cut();
    ++report_.cut;
  }
}

void FaultProxy::Rouse() {
  boost::asio::post(io_, [this] { schedule_.Rouse(steady_clock::now()); });
}

void FaultProxy::Calm() {
  boost::asio::post(io_, [this] { schedule_.Calm(steady_clock::now()); });
}

ProxyReport FaultProxy::Stop() {
  io_.stop();
  thread_.join();
  const std::chrono::duration<double> lived = steady_clock::now() - start_;
  report_.thread_share = static_cast<double>(cpu_ns_) / 1e9 / lived.count();
  return report_;
}

}  // namespace topgun::loadgen
