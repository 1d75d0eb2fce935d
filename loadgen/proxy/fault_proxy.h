// A TCP proxy between the generator and its gateways that makes the network bad on purpose
// (options/proxy_faults.h). It knows nothing of what passes: WebSocket, HTTP and TLS alike.
//
// Runs on a thread of its own from Start() to Stop(), for all gateways; the generator's connections
// reach them through ports on 127.0.0.1.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/status.h"
#include "client/url.h"
#include "options/proxy_faults.h"
#include "proxy/fault_schedule.h"
#include "proxy/proxy_link.h"
#include "proxy/proxy_report.h"

namespace topgun::loadgen {

class FaultProxy {
 public:
  FaultProxy(const ProxyFaults& faults, uint64_t seed);
  ~FaultProxy();
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;

  // Looks up the gateways (which may block), listens, and sends the endpoints through itself. Once.
  Status Start(std::vector<Endpoint>* endpoints);
  // Cuts and stalls begin with the load: connections that are cut while others still connect would
  // never all be ready.
  void Rouse();
  // No cut, stall or refusal any more: what is unacknowledged may come to its end.
  void Calm();
  // Ends all connections. What it did, ever.
  ProxyReport Stop();

 private:
  using tcp = boost::asio::ip::tcp;
  struct Door {
    tcp::acceptor acceptor;
    tcp::resolver::results_type gateway;
    bool accepting = false;  // false after a failure, until the next tick
  };

  Status Open(Endpoint* endpoint);
  void Accept(Door& door);
  void OnClient(Door& door, tcp::socket client);
  void Forget(const ProxyLink& link);
  void Tick();
  void CutDue(FaultSchedule::Time now);

  boost::asio::io_context io_{1};
  FaultSchedule schedule_;
  ProxyReport report_;  // the thread's, until Stop()
  std::string space_;
  std::deque<Door> doors_;
  std::vector<std::shared_ptr<ProxyLink>> links_;
  boost::asio::steady_timer timer_;
  uint64_t cuts_done_ = 0;
  const FaultSchedule::Time start_;
  int64_t cpu_ns_ = 0;
  std::thread thread_;
};

}  // namespace topgun::loadgen
