#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/server_context.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <future>
#include <mutex>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "rpc/channel.h"
#include "rpc/server.h"
#include "rpc/shutdown.h"
#include "rpc/status.h"
#include "topgun/storage/v1/storage.grpc.pb.h"

namespace topgun::rpc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;
namespace pb = topgun::storage::v1;

constexpr seconds kDeadline{30};  // only a hung test gets near it

// Calls `condition` until it holds or the deadline has passed.
template <typename Condition>
bool Eventually(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + kDeadline;
  while (std::chrono::steady_clock::now() < end) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return false;
}

// Answers OpenShard with the code the shard number names; LoadMap streams stay open until they are
// cancelled.
class FakeStorage final : public pb::Storage::CallbackService {
 public:
  grpc::ServerUnaryReactor* OpenShard(grpc::CallbackServerContext* context,
                                      const pb::OpenShardRequest* request,
                                      pb::OpenShardResponse* response) override {
    {
      const std::lock_guard lock(mutex_);
      peers_.insert(context->peer());
    }
    response->set_incarnation(request->run().size());
    auto* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status(static_cast<grpc::StatusCode>(request->shard()), "as asked"));
    return reactor;
  }

  grpc::ServerWriteReactor<pb::LoadMapChunk>* LoadMap(grpc::CallbackServerContext*,
                                                      const pb::LoadMapRequest*) override {
    class Open final : public grpc::ServerWriteReactor<pb::LoadMapChunk> {
     public:
      Open() { StartSendInitialMetadata(); }
      void OnCancel() override { Finish(grpc::Status::CANCELLED); }
      void OnDone() override { delete this; }
    };
    return new Open;
  }

  size_t peers() const {
    const std::lock_guard lock(mutex_);
    return peers_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::string> peers_;
};

// One call of any method without generated code: request and response are wire bytes.
grpc::Status Call(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                  const std::string& request, std::string* response) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kDeadline);
  const grpc::Slice sent(request);
  const grpc::ByteBuffer request_buffer(&sent, 1);
  grpc::ByteBuffer response_buffer;
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, method, {}, &request_buffer, &response_buffer,
                 [&](grpc::Status status) { done.set_value(std::move(status)); });
  grpc::Status status = done.get_future().get();
  grpc::Slice received;
  if (status.ok() && response_buffer.DumpToSingleSlice(&received).ok()) {
    response->assign(reinterpret_cast<const char*>(received.begin()), received.size());
  }
  return status;
}

class ServerTest : public testing::Test {
 protected:
  void SetUp() override { Start({.listen = "127.0.0.1:0"}); }

  void Start(ServerOptions options) {
    server_ = std::make_unique<Server>(std::move(options), registry_);
    server_->AddService(&storage_);
    ASSERT_TRUE(server_->Start().ok());
    ASSERT_NE(server_->port(), 0);
    server_->SetServing(true);
    channel_ = MakeChannel(Address());
  }
  std::string Address() const { return "127.0.0.1:" + std::to_string(server_->port()); }

  static grpc::Status OpenShard(const std::shared_ptr<grpc::Channel>& channel,
                                grpc::StatusCode code = grpc::StatusCode::OK,
                                size_t run_bytes = 0) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kDeadline);
    pb::OpenShardRequest request;
    request.set_shard(static_cast<uint32_t>(code));
    request.set_run(std::string(run_bytes, 'r'));
    pb::OpenShardResponse response;
    const auto stub = pb::Storage::NewStub(channel);
    return stub->OpenShard(&context, request, &response);
  }

  // 1 SERVING, 2 NOT_SERVING (grpc.health.v1), -1 after an error. Asked without a channel of ours,
  // which does not call who does not serve. Without a name the server as a whole is meant.
  static int Health(const Server& server, const std::string& service = "") {
    std::string request;
    if (!service.empty()) request = "\x0a" + std::string(1, char(service.size())) + service;
    std::string response;
    const auto channel = grpc::CreateChannel("127.0.0.1:" + std::to_string(server.port()),
                                             grpc::InsecureChannelCredentials());
    const grpc::Status status = Call(channel, "/grpc.health.v1.Health/Check", request, &response);
    if (!status.ok() || response.size() != 2 || response[0] != 0x08) return -1;
    return response[1];
  }

  double Sample(const std::string& series) const {
    std::istringstream text(registry_.Render());
    for (std::string line; std::getline(text, line);) {
      if (line.starts_with(series + " ")) return std::stod(line.substr(series.size() + 1));
    }
    return -1;
  }
  double Handled(const std::string& method, const std::string& code) const {
    return Sample("grpc_server_handled_total{grpc_code=\"" + code + "\",grpc_method=\"" + method +
                  "\",grpc_service=\"topgun.storage.v1.Storage\"}");
  }

  metrics::Registry registry_;
  FakeStorage storage_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(ServerTest, HealthFollowsSetServing) {
  metrics::Registry registry;
  Server other({.listen = "127.0.0.1:0"}, registry);
  ASSERT_TRUE(other.Start().ok());
  EXPECT_EQ(Health(other), 2) << "not serving until the owner says so";
  other.SetServing(true);
  EXPECT_EQ(Health(other), 1);
  other.SetServing(false);
  EXPECT_EQ(Health(other), 2);
}

TEST_F(ServerTest, EachServiceHasTheHealthOfItsServer) {
  EXPECT_EQ(Health(*server_, "topgun.storage.v1.Storage"), 1);
  EXPECT_EQ(Health(*server_, "made.Up"), -1);
  server_->SetServing(false);
  EXPECT_EQ(Health(*server_, "topgun.storage.v1.Storage"), 2);
}

TEST_F(ServerTest, AChannelLeavesAServerThatDoesNotServe) {
  ASSERT_TRUE(OpenShard(channel_).ok());
  grpc::ClientContext context;
  const auto stub = pb::Storage::NewStub(channel_);
  const auto running = stub->LoadMap(&context, {});
  running->WaitForInitialMetadata();

  server_->SetServing(false);
  EXPECT_TRUE(Eventually(
      [&] { return OpenShard(channel_).error_code() == grpc::StatusCode::UNAVAILABLE; }));
  EXPECT_NE(channel_->GetState(false), GRPC_CHANNEL_READY);
  EXPECT_TRUE(OpenShard(MakeChannel(Address(), {.follow_health = false})).ok());
  EXPECT_EQ(Handled("LoadMap", "CANCELLED"), 0) << "what is running goes on";
  server_->SetServing(true);
  EXPECT_TRUE(Eventually([&] { return OpenShard(channel_).ok(); }));
  context.TryCancel();
  running->Finish();
}

TEST_F(ServerTest, ReflectionListsTheServices) {
  const std::string list_services("\x3a\x00", 2);  // ServerReflectionRequest.list_services = ""
  std::string response;
  const grpc::Status status =
      Call(channel_, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
           list_services, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_THAT(response, HasSubstr("topgun.storage.v1.Storage"));
}

TEST_F(ServerTest, EverySeriesExistsBeforeTheFirstCall) {
  EXPECT_EQ(Handled("OpenShard", "OK"), 0);
  EXPECT_EQ(Handled("OpenShard", "UNAUTHENTICATED"), 0);
  EXPECT_EQ(Handled("LoadMap", "CANCELLED"), 0);
}

TEST_F(ServerTest, CountsCallsByMethodAndCode) {
  ASSERT_TRUE(OpenShard(channel_).ok());
  ASSERT_EQ(OpenShard(channel_, grpc::StatusCode::NOT_FOUND).error_code(),
            grpc::StatusCode::NOT_FOUND);
  ASSERT_EQ(OpenShard(channel_, grpc::StatusCode::NOT_FOUND).error_code(),
            grpc::StatusCode::NOT_FOUND);
  const std::string labels =
      "{grpc_method=\"OpenShard\",grpc_service=\"topgun.storage.v1.Storage\"}";
  EXPECT_TRUE(Eventually([&] { return Handled("OpenShard", "NOT_FOUND") == 2; }));
  EXPECT_EQ(Handled("OpenShard", "OK"), 1);
  EXPECT_EQ(Sample("grpc_server_started_total" + labels), 3);
  EXPECT_EQ(Sample("grpc_server_handling_seconds_count" + labels), 3);
  EXPECT_EQ(Handled("LoadMap", "OK"), 0);
}

TEST_F(ServerTest, CountsCodesWithoutANameAsUnknown) {
  OpenShard(channel_, static_cast<grpc::StatusCode>(30));
  EXPECT_TRUE(Eventually([&] { return Handled("OpenShard", "UNKNOWN") == 1; }));
}

TEST_F(ServerTest, CountsAStreamTheClientLeft) {
  {
    grpc::ClientContext context;
    const auto stub = pb::Storage::NewStub(channel_);
    const auto reader = stub->LoadMap(&context, {});
    reader->WaitForInitialMetadata();
    context.TryCancel();
    EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  EXPECT_TRUE(Eventually([&] { return Handled("LoadMap", "CANCELLED") == 1; }));
}

TEST_F(ServerTest, AClientCannotMakeSeries) {
  std::string response;
  const std::string before = registry_.Render();
  for (const char* method :
       {"/topgun.storage.v1.Storage/Invented", "/inven.Ted/Method", "/", "invented"}) {
    EXPECT_FALSE(Call(channel_, method, "", &response).ok());
  }
  // Rendered text names the revision too: only letters no hexadecimal number has are a sign.
  EXPECT_THAT(registry_.Render(), Not(HasSubstr("nven")));
  EXPECT_THAT(before, HasSubstr("OpenShard"));
  EXPECT_THAT(before, Not(HasSubstr("grpc.reflection")));
}

TEST_F(ServerTest, LimitsMessagesOnBothEnds) {
  server_.reset();
  Start({.listen = "127.0.0.1:0", .message_bytes_max = 1024});
  EXPECT_TRUE(OpenShard(channel_, grpc::StatusCode::OK, 1000).ok());
  EXPECT_EQ(OpenShard(channel_, grpc::StatusCode::OK, 1025).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(
      OpenShard(MakeChannel(Address(), {.message_bytes_max = 512}), grpc::StatusCode::OK, 1000)
          .error_code(),
      grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(ServerTest, ChannelsDoNotShareConnections) {
  const auto other = MakeChannel(Address());
  ASSERT_TRUE(OpenShard(channel_).ok());
  ASSERT_TRUE(OpenShard(other).ok());
  EXPECT_EQ(storage_.peers(), 2U);
}

TEST_F(ServerTest, AChannelFindsARestartedServer) {
  ASSERT_TRUE(OpenShard(channel_).ok());
  const std::string address = Address();
  const auto channel = channel_;
  server_.reset();
  EXPECT_EQ(OpenShard(channel).error_code(), grpc::StatusCode::UNAVAILABLE);
  Start({.listen = address});
  EXPECT_TRUE(Eventually([&] { return OpenShard(channel).ok(); }));
}

TEST_F(ServerTest, OldConnectionsAreReplaced) {
  server_.reset();
  Start({.listen = "127.0.0.1:0", .connection_age_max = milliseconds(20)});
  EXPECT_TRUE(Eventually([&] {
    OpenShard(channel_);
    return storage_.peers() >= 3;
  }));
}

TEST_F(ServerTest, ShutdownCancelsWhatIsStillRunning) {
  grpc::ClientContext context;
  const auto stub = pb::Storage::NewStub(channel_);
  const auto reader = stub->LoadMap(&context, {});
  reader->WaitForInitialMetadata();
  server_->Shutdown(milliseconds(1));
  pb::LoadMapChunk chunk;
  EXPECT_FALSE(reader->Read(&chunk));
  EXPECT_FALSE(reader->Finish().ok());
  EXPECT_EQ(OpenShard(channel_).error_code(), grpc::StatusCode::UNAVAILABLE);
  server_->Shutdown(milliseconds(1));
}

TEST_F(ServerTest, APortBelongsToOneServer) {
  metrics::Registry registry;
  Server other({.listen = Address()}, registry);
  const Status status = other.Start();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(Message(status)), HasSubstr(Address()));
  other.SetServing(true);
}

TEST(StatusTest, KeepsCodeAndMessage) {
  for (int code = 0; code <= 16; ++code) {
    const grpc::Status sent(static_cast<grpc::StatusCode>(code), code == 0 ? "" : "why");
    const Status read = FromGrpc(sent);
    EXPECT_EQ(static_cast<int>(read.code()), code);
    EXPECT_EQ(ToGrpc(read).error_code(), sent.error_code());
    EXPECT_EQ(ToGrpc(read).error_message(), sent.error_message());
  }
  EXPECT_EQ(FromGrpc({grpc::StatusCode::UNAVAILABLE, "gone"}), Unavailable("gone"));
}

TEST(StatusTest, CutsLongMessages) {
  EXPECT_EQ(ToGrpc(Internal(std::string(5000, 'x'))).error_message(), std::string(1024, 'x'));
}

TEST(DrainTest, GivesEveryStepWhatIsLeft) {
  Drain drain(milliseconds(60'000));
  milliseconds first{0};
  milliseconds second{0};
  drain.Step("first", [&](milliseconds left) { first = left; });
  drain.Step("second", [&](milliseconds left) { second = left; });
  EXPECT_GT(second.count(), 0);
  EXPECT_LE(second, first);
  EXPECT_LE(first.count(), 60'000);
}

TEST(DrainTest, StepsRunWithNothingLeft) {
  Drain drain(milliseconds(0));
  milliseconds left{-1};
  drain.Step("late", [&](milliseconds given) { left = given; });
  EXPECT_EQ(left.count(), 0);
}

// These change the signal mask of the process, so each runs in one of its own.
TEST(SignalWaiterDeathTest, WaitsForASignalAndLeavesTheOtherThreadsAlone) {
  for (const int sent : {SIGTERM, SIGINT}) {
    EXPECT_EXIT(
        {
          SignalWaiter signals;
          std::thread worker([sent] { kill(getpid(), sent); });
          const int received = signals.Wait();
          worker.join();
          _exit(received == sent ? 0 : 1);
        },
        testing::ExitedWithCode(0), "");
  }
}

TEST(SignalWaiterDeathTest, RequestStopEndsTheWait) {
  EXPECT_EXIT(
      {
        SignalWaiter signals;
        SignalWaiter::RequestStop();
        _exit(signals.Wait() == SIGTERM ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST(SignalWaiterDeathTest, HangupsAreHandledUntilASignalStops) {
  EXPECT_EXIT(
      {
        SignalWaiter signals;
        int hangups = 0;
        kill(getpid(), SIGHUP);
        const int received = signals.Wait([&hangups] {
          if (++hangups == 1) kill(getpid(), SIGHUP);
          if (hangups == 2) SignalWaiter::RequestStop();
        });
        _exit(received == SIGTERM && hangups == 2 ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST(SignalWaiterDeathTest, ASecondSignalEndsTheProcess) {
  EXPECT_EXIT(
      {
        SignalWaiter signals;
        SignalWaiter::RequestStop();
        signals.Wait();
        SignalWaiter::RequestStop();
        for (;;) pause();
      },
      testing::KilledBySignal(SIGTERM), "");
}

TEST(SignalWaiterDeathTest, AClosedPipeIsNoReasonToDie) {
  EXPECT_EXIT(
      {
        SignalWaiter signals;
        int ends[2];
        if (pipe(ends) != 0) _exit(2);
        close(ends[0]);
        const ssize_t written = write(ends[1], "x", 1);
        _exit(written == -1 && errno == EPIPE ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace topgun::rpc
