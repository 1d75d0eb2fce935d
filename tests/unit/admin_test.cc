#include "admin/admin_server.h"

#include "admin/drain_endpoint.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace topgun::admin {
namespace {

using std::chrono::milliseconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// A connection to the server that knows no HTTP: tests see every byte.
class Connection {
 public:
  explicit Connection(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval deadline{.tv_sec = 30, .tv_usec = 0};  // a hung server fails the test
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~Connection() { close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool connected() const { return connected_; }

  void Send(std::string_view text) { send(fd_, text.data(), text.size(), MSG_NOSIGNAL); }

  // Everything until the server closes, or "timeout".
  std::string ReadAll() {
    while (Receive()) {
    }
    return std::exchange(received_, {});
  }

  // Until `text` has arrived; what has arrived when the connection ends before that.
  std::string ReadUntil(const std::string& text) {
    while (received_.find(text) == std::string::npos && Receive()) {
    }
    return std::exchange(received_, {});
  }

 private:
  bool Receive() {
    char bytes[4096];
    const ssize_t count = recv(fd_, bytes, sizeof(bytes), 0);
    if (count < 0 && errno == EAGAIN) received_ += "timeout";
    if (count <= 0) return false;
    received_.append(bytes, static_cast<size_t>(count));
    return true;
  }

  int fd_;
  bool connected_ = false;
  std::string received_;
};

class AdminServerTest : public testing::Test {
 protected:
  void Start(Limits limits = {}) {
    server_ = std::make_unique<AdminServer>(
        "127.0.0.1:0", registry_,
        [this]() -> AdminServer::Readiness {
          return {.ready = ready_, .body = ready_ ? "ready\n" : "redis: down\n"};
        },
        limits);
    server_->Handle("/echo", [](const Request& request) -> Response {
      return {
          .status = 201,
          .body = request.method + " " + request.path + " " + request.query + " " + request.body,
          .content_type = "text/x-echo"};
    });
    server_->Handle("/broken", [](const Request&) -> Response { throw std::runtime_error("no"); });
    if (extra_) extra_(*server_);
    ASSERT_TRUE(server_->Start().ok());
    ASSERT_NE(server_->port(), 0);
  }

  std::string Exchange(const std::string& request) {
    Connection connection(server_->port());
    connection.Send(request);
    return connection.ReadAll();
  }
  std::string Get(const std::string& path) {
    return Exchange("GET " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  }

  metrics::Registry registry_;
  std::atomic<bool> ready_ = true;
  std::function<void(AdminServer&)> extra_;  // adds endpoints
  std::unique_ptr<AdminServer> server_;
};

TEST_F(AdminServerTest, ShowsTheMetrics) {
  registry_.AddCounter("ops_total", "Operations.").Increment();
  Start();
  const std::string response = Get("/metrics");
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(response, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(response, HasSubstr("\nops_total 1\n"));
}

TEST_F(AdminServerTest, IsAliveWhateverTheReadiness) {
  ready_ = false;
  Start();
  EXPECT_THAT(Get("/livez"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(AdminServerTest, ReadinessFollowsTheFunction) {
  Start();
  EXPECT_THAT(Get("/readyz"),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), EndsWith("\r\n\r\nready\n")));
  ready_ = false;
  EXPECT_THAT(Get("/readyz"), AllOf(StartsWith("HTTP/1.1 503 Service Unavailable\r\n"),
                                    EndsWith("\r\n\r\nredis: down\n")));
}

class DrainEndpointTest : public AdminServerTest {
 protected:
  DrainEndpointTest() {
    extra_ = [this](AdminServer& server) {
      MountDrain(server, {.unit = "things",
                          .begin = [this] { return Set(true); },
                          .cancel = [this] { return Set(false); },
                          .draining = [this] { return draining_.load(); },
                          .left = [this] { return left_.load(); }});
    };
  }
  Status Set(bool draining) {
    if (stopping_) return FailedPrecondition("being stopped");
    draining_ = draining;
    return OkStatus();
  }
  std::string Ask(const std::string& request, const std::string& headers = "") {
    return Exchange(request + " HTTP/1.1\r\nHost: a\r\n" + headers + "Connection: close\r\n\r\n");
  }

  std::atomic<bool> draining_ = false;
  std::atomic<bool> stopping_ = false;
  std::atomic<uint64_t> left_ = 2;
};

TEST_F(DrainEndpointTest, BeginsEndsAndTellsHowFarItIs) {
  Start();
  EXPECT_THAT(Ask("GET /drain"), EndsWith(R"({"state":"serving","left":2,"unit":"things"})"
                                          "\n"));
  EXPECT_FALSE(draining_);
  EXPECT_THAT(Ask("POST /drain"), HasSubstr(R"("state":"draining","left":2)"));
  EXPECT_TRUE(draining_);
  left_ = 0;
  EXPECT_THAT(Ask("GET /drain"), HasSubstr(R"("state":"drained","left":0)"));
  EXPECT_THAT(Ask("POST /drain?cancel"), HasSubstr(R"("state":"serving")"));
  EXPECT_FALSE(draining_);
}

TEST_F(DrainEndpointTest, RefusesWhatItShouldNotDo) {
  Start();
  EXPECT_THAT(Ask("POST /drain", "Origin: http://elsewhere\r\n"), StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(Ask("POST /drain?now"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Ask("DELETE /drain"), StartsWith("HTTP/1.1 405"));
  stopping_ = true;
  EXPECT_THAT(Ask("POST /drain"), AllOf(StartsWith("HTTP/1.1 409"), HasSubstr("being stopped")));
  EXPECT_FALSE(draining_);
}

TEST_F(AdminServerTest, HandlersGetTheRequestAndGiveTheResponse) {
  Start();
  const std::string response =
      Exchange("POST /echo?a=%20b HTTP/1.1\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody");
  EXPECT_THAT(response, StartsWith("HTTP/1.1 201 Created\r\n"));
  EXPECT_THAT(response, HasSubstr("Content-Type: text/x-echo\r\n"));
  EXPECT_THAT(response, EndsWith("\r\n\r\nPOST /echo a=%20b body"));
}

TEST_F(AdminServerTest, RefusesWhatItDoesNotKnow) {
  Start();
  EXPECT_THAT(Get("/unknown"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Get("/metrics/"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Exchange("POST /metrics HTTP/1.1\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(Exchange("no http\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
}

TEST_F(AdminServerTest, AHandlerThatThrowsIsAnInternalError) {
  Start();
  EXPECT_THAT(Get("/broken"), StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(Get("/livez"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, HeadGivesTheLengthWithoutTheBody) {
  Start();
  const std::string response =
      Exchange("HEAD /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(response, HasSubstr("Content-Length: 6\r\n"));
  EXPECT_THAT(response, EndsWith("\r\n\r\n"));
}

TEST_F(AdminServerTest, KeepsAConnectionForTheNextRequest) {
  Start();
  Connection connection(server_->port());
  for (int i = 0; i < 3; ++i) {
    connection.Send("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_THAT(connection.ReadUntil("alive\n"), StartsWith("HTTP/1.1 200 OK\r\n"));
  }
}

TEST_F(AdminServerTest, LimitsHeaderAndBody) {
  Start({.header_bytes_max = 1024, .body_bytes_max = 16});
  EXPECT_THAT(Exchange("GET /livez HTTP/1.1\r\nX: " + std::string(4096, 'x') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(Exchange("POST /echo HTTP/1.1\r\nContent-Length: 17\r\n\r\n"),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(Exchange("POST /echo HTTP/1.1\r\nConnection: close\r\nContent-Length: 16\r\n\r\n"
                       "0123456789abcdef"),
              StartsWith("HTTP/1.1 201 "));
}

TEST_F(AdminServerTest, ClosesConnectionsThatSendNothing) {
  Start({.io_timeout = milliseconds(50)});
  Connection connection(server_->port());
  connection.Send("GET /livez HTTP/1.1\r\n");
  EXPECT_EQ(connection.ReadAll(), "");
}

TEST_F(AdminServerTest, ClosesConnectionsPastTheLimitAndTakesNewOnesLater) {
  Start({.connections_max = 2});
  const std::string request = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n";
  auto first = std::make_unique<Connection>(server_->port());
  auto second = std::make_unique<Connection>(server_->port());
  for (auto* connection : {first.get(), second.get()}) {
    connection->Send(request);
    EXPECT_THAT(connection->ReadUntil("alive\n"), HasSubstr("200 OK"));
  }
  EXPECT_EQ(Connection(server_->port()).ReadAll(), "");
  first.reset();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (Get("/livez").empty()) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "the slot never came back";
  }
}

TEST_F(AdminServerTest, StopClosesConnectionsAndThePort) {
  Start();
  Connection connection(server_->port());
  connection.Send("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
  connection.ReadUntil("alive\n");
  server_->Stop();
  EXPECT_THAT(connection.ReadAll(), Not(HasSubstr("timeout")));
  EXPECT_FALSE(Connection(server_->port()).connected());
  server_->Stop();
}

TEST_F(AdminServerTest, StartReportsABadOrTakenAddress) {
  Start();
  const auto start = [this](const std::string& listen) {
    AdminServer other(listen, registry_, [] { return AdminServer::Readiness{}; });
    return other.Start();
  };
  EXPECT_EQ(start("nonsense").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(start("127.0.0.1:").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(start("127.0.0.1:70000").code(), StatusCode::kInvalidArgument);
  const Status taken = start("127.0.0.1:" + std::to_string(server_->port()));
  EXPECT_EQ(taken.code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(Message(taken)), HasSubstr(std::to_string(server_->port())));
}

class AdminServerLaterTest : public AdminServerTest {
 protected:
  void StartLater(Limits limits = {}) {
    extra_ = [this](AdminServer& server) {
      server.HandleLater("/later", [this](const Request& request, const Respond& respond) {
        const std::lock_guard lock(mutex_);
        path_ = request.path;
        respond_ = respond;
        asked_.notify_all();
      });
    };
    Start(limits);
  }
  Respond WaitForRequest() {
    std::unique_lock lock(mutex_);
    asked_.wait(lock, [this] { return respond_ != nullptr; });
    return std::exchange(respond_, nullptr);
  }

  std::mutex mutex_;
  std::condition_variable asked_;
  std::string path_;
  Respond respond_;
};

TEST_F(AdminServerLaterTest, AnswersFromAnotherThreadAndOthersMeanwhile) {
  StartLater();
  Connection connection(server_->port());
  connection.Send("GET /later HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const Respond respond = WaitForRequest();
  EXPECT_THAT(Get("/livez"), StartsWith("HTTP/1.1 200 OK\r\n"));
  respond({.status = 202, .body = "at last"});
  respond({.status = 500, .body = "ignored"});
  EXPECT_THAT(connection.ReadAll(),
              AllOf(StartsWith("HTTP/1.1 202 Accepted\r\n"), EndsWith("\r\n\r\nat last")));
  EXPECT_EQ(path_, "/later");
}

TEST_F(AdminServerLaterTest, DoesNotWaitForAnAnswerForEver) {
  StartLater({.answer_timeout = milliseconds(20)});
  EXPECT_THAT(Get("/later"), StartsWith("HTTP/1.1 504 "));
  WaitForRequest()({.body = "too late"});
  EXPECT_THAT(Get("/livez"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(AdminServerLaterTest, AnswersAfterTheEndAreIgnored) {
  StartLater();
  Connection connection(server_->port());
  connection.Send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
  const Respond respond = WaitForRequest();
  server_->Stop();
  respond({.body = "too late"});
  EXPECT_EQ(connection.ReadAll(), "");
}

}  // namespace
}  // namespace topgun::admin
