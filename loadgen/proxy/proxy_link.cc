#include "proxy/proxy_link.h"

#include <boost/asio/connect.hpp>
#include <utility>

namespace topgun::loadgen {
namespace {

using error_code = boost::system::error_code;

// Without the FIN that a close would send: as a machine that has gone.
void Reset(ProxyLink::tcp::socket& socket) {
  error_code ignored;
  socket.set_option(ProxyLink::tcp::socket::linger(true, 0), ignored);
  socket.close(ignored);
}

void MakeDirect(ProxyLink::tcp::socket& socket) {
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.set_option(ProxyLink::tcp::no_delay(true), ignored);
}

}  // namespace

ProxyLink::ProxyLink(tcp::socket client, FaultSchedule& schedule, ProxyReport& report,
                     std::string& space, OnEnd on_end)
    : client_(std::move(client)),
      gateway_(client_.get_executor()),
      report_(report),
      on_end_(std::move(on_end)),
      up_(client_, gateway_, schedule, report, report.bytes_up, space),
      down_(gateway_, client_, schedule, report, report.bytes_down, space) {}

void ProxyLink::Start(const tcp::resolver::results_type& gateway) {
  boost::asio::async_connect(gateway_, gateway,
                             [self = shared_from_this()](error_code error, const tcp::endpoint&) {
                               if (!self->on_end_) return;
                               if (!error) return self->PassOn();
                               ++self->report_.unreachable;
                               self->End();
                             });
}

void ProxyLink::PassOn() {
  MakeDirect(client_);
  MakeDirect(gateway_);
  up_.Start(weak_from_this(), [this](bool broken) { OnPipeDone(broken); });
  down_.Start(weak_from_this(), [this](bool broken) { OnPipeDone(broken); });
}

void ProxyLink::OnPipeDone(bool broken) {
  if (broken || ++pipes_done_ == 2) End();
}

void ProxyLink::End() {
  const OnEnd on_end = std::exchange(on_end_, nullptr);
  if (pipes_done_ == 2) {
    error_code ignored;
    client_.close(ignored);
    gateway_.close(ignored);
  } else {
    Cut();  // what broke one side breaks the other
  }
  if (on_end) on_end(*this);
}

void ProxyLink::Cut() {
  on_end_ = nullptr;
  up_.Cancel();
  down_.Cancel();
  Reset(client_);
  Reset(gateway_);
}

}  // namespace topgun::loadgen
