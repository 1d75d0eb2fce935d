// A listener on a loop of its own, for tests over real sockets: the HTTP handler and the WebSockets
// behind it are made for them.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "metrics/registry.h"
#include "probe.h"
#include "support/wait.h"
#include "ws/listener.h"
#include "ws/tls_probe.h"

namespace topgun::gateway {

// Answers at once with what it saw, or later for /hold. Its loop's thread, but for `held`.
class FakeHandler final : public HttpHandler {
 public:
  void Handle(const HttpRequest& request, Respond respond) override {
    if (request.path == "/hold") {
      held_.push_back(std::move(respond));
      ++held;
      return;
    }
    if (request.path == "/drop") return;
    if (request.path == "/none")
      return respond({.status = 204, .content_type = {}, .body = {}, .headers = {}});
    std::string text(request.method);
    text.append(" ").append(request.path).append("?").append(request.query);
    text.append(" from ").append(request.peer).append(request.loopback ? " here" : " far");
    text.append(" x=").append(request.Header("x-test")).append(" ").append(request.body);
    respond({.status = 200,
             .content_type = "text/plain",
             .body = std::move(text),
             .headers = {{"x-made-by", "test"}}});
  }
  HttpResponse Refuse(const HttpRequest& request, int status, std::string_view message) override {
    HttpResponse response = JsonError(status, message);
    response.headers.emplace_back("x-refused", request.path);
    return response;
  }

  void Release(const std::string& body) {
    for (const Respond& respond : std::exchange(held_, {})) {
      respond({.status = 200, .content_type = "text/plain", .body = body, .headers = {}});
      respond({.status = 500, .content_type = {}, .body = {}, .headers = {}});
    }
  }

  std::atomic<int> held{0};

 private:
  std::vector<Respond> held_;
};

// WebSockets that echo.
class EchoAcceptor final : public SessionAcceptor {
 public:
  SessionHandler& OnOpen(Session& session) override {
    handlers_.push_back(std::make_unique<Echo>(session));
    return *handlers_.back();
  }

 private:
  struct Echo final : SessionHandler {
    explicit Echo(Session& session_in) : session(session_in) {}
    void OnMessage(std::string_view message, bool) override { session.Reply(std::string(message)); }
    void OnClosed(CloseCause) override {}
    Session& session;
  };
  std::vector<std::unique_ptr<Echo>> handlers_;
};

// Ends when the WebSockets of its clients have ended.
class Server {
 public:
  explicit Server(ListenerOptions options = {}) {
    options.host = "127.0.0.1";
    options.tls.probe = &tls_probe_;
    listener_ = MakeListener(std::move(options), {{.io = &io_,
                                                   .acceptor = &acceptor_,
                                                   .http = &handler,
                                                   .probe = &probe_,
                                                   .http_requests = &requests_}});
    const Status status = listener_->Start();
    EXPECT_TRUE(status.ok()) << ToString(status);
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Server() {
    // The clients have gone; their WebSockets end by themselves.
    EXPECT_TRUE(support::WaitUntil([this] { return Metric("gateway_connections") == 0; }));
    io_.stop();
    thread_.join();
  }

  uint16_t port() const { return listener_->port(); }
  void Stop() { listener_->Stop(); }
  // Runs on the loop.
  template <typename Task>
  auto OnLoop(Task task) {
    std::packaged_task<decltype(task())()> packaged(std::move(task));
    auto result = packaged.get_future();
    boost::asio::post(io_, [&packaged] { packaged(); });
    return result.get();
  }
  void Release(const std::string& body) {
    OnLoop([&] { handler.Release(body); });
  }
  size_t requests() {
    return OnLoop([this] { return requests_; });
  }
  double Metric(const std::string& series) const {
    const std::string text = "\n" + registry_.Render();
    const size_t at = text.find("\n" + series + " ");
    return at == std::string::npos ? 0 : std::stod(text.substr(at + series.size() + 2));
  }

  FakeHandler handler;

 private:
  size_t requests_ = 0;
  metrics::Registry registry_{"test"};
  Probe probe_{registry_, 0};
  TlsProbe tls_probe_{registry_};
  EchoAcceptor acceptor_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  std::unique_ptr<Listener> listener_;
  std::thread thread_;
};

}  // namespace topgun::gateway
