// One connection through the fault proxy: the client's socket, the gateway's, and a pipe each way.
//
// Lives until its last handler has run. On the proxy's thread.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "proxy/fault_schedule.h"
#include "proxy/proxy_pipe.h"
#include "proxy/proxy_report.h"

namespace topgun::loadgen {

class ProxyLink : public std::enable_shared_from_this<ProxyLink> {
 public:
  using tcp = boost::asio::ip::tcp;
  using OnEnd = std::function<void(ProxyLink&)>;

  // See ProxyPipe; `on_end` is called once, unless Cut() is first.
  ProxyLink(tcp::socket client, FaultSchedule& schedule, ProxyReport& report, std::string& space,
            OnEnd on_end);

  // Connects to the gateway, then passes on.
  void Start(const tcp::resolver::results_type& gateway);
  // Resets both sides.
  void Cut();

  size_t index = 0;  // the proxy's, among all links

 private:
  void PassOn();
  void OnPipeDone(bool broken);
  void End();

  tcp::socket client_;
  tcp::socket gateway_;
  ProxyReport& report_;
  OnEnd on_end_;
  ProxyPipe up_;
  ProxyPipe down_;
  int pipes_done_ = 0;
};

}  // namespace topgun::loadgen
