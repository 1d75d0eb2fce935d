// Device identities between fakes (core.md 2.5, features.md 10.3).
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "dispatch/device_registry.h"
#include "gateway_fakes.h"
#include "state/cell.h"
#include "wire/client_encode.h"

namespace topgun::gateway {
namespace {

using std::chrono::milliseconds;

// The registry of one loop, and a store that keeps what it writes.
class DeviceTest : public ::testing::Test {
 protected:
  void Identify(std::optional<std::string_view> caller, std::string_view token = {}) {
    devices().Identify(caller, token, [this](const std::optional<DeviceIdentity>& identity) {
      answers_.push_back(identity);
    });
  }
  DeviceRegistry& devices() { return gateway_.devices; }

  // What was submitted is applied and stored.
  void Store() {
    for (const FakeSink::Submitted& op : gateway_.sink.submitted) {
      state::CellView cell;
      cell.timestamp = op.timestamp.view();
      cell.has_ttl = op.ttl_ms > 0;
      cell.ttl_ms = op.ttl_ms;
      cell.value = op.value;
      gateway_.cells.cells[{op.map, op.key}] = state::EncodeCell(cell);
    }
    gateway_.sink.Answer(gateway_.written);
  }
  DeviceIdentity Mint(std::optional<std::string_view> caller) {
    Identify(caller);
    Store();
    return TakeAnswer().value_or(DeviceIdentity());
  }
  // Presents a token; the answer comes after the store was read and, if need be, written.
  std::optional<DeviceIdentity> Present(std::optional<std::string_view> caller,
                                        std::string_view token) {
    Identify(caller, token);
    if (!gateway_.cells.reads.empty()) gateway_.cells.Answer();
    if (answers_.empty()) Store();
    return TakeAnswer();
  }
  std::optional<DeviceIdentity> TakeAnswer() {
    EXPECT_EQ(answers_.size(), 1U);
    if (answers_.empty()) return std::nullopt;
    const auto answer = answers_.front();
    answers_.clear();
    return answer;
  }

  DispatchHarness gateway_;
  std::vector<std::optional<DeviceIdentity>> answers_;
};

TEST_F(DeviceTest, ANewIdentityIsStoredBeforeItIsTold) {
  Identify("user-1");
  EXPECT_TRUE(answers_.empty());
  ASSERT_EQ(gateway_.sink.submitted.size(), 1U);
  const FakeSink::Submitted stored = gateway_.sink.submitted.front();
  Store();
  const DeviceIdentity made = TakeAnswer().value();
  EXPECT_EQ(stored.map, "_topgun_devices");
  EXPECT_EQ(stored.key, "a6:user-1|" + made.id);
  EXPECT_EQ(stored.ttl_ms, static_cast<double>(DeviceRegistry::kKeepMs));
  EXPECT_EQ(made.id.size(), 36U);
  EXPECT_EQ(made.id[14], '4');
  EXPECT_EQ(made.token.substr(0, 37), made.id + ".");
  EXPECT_EQ(made.token.size(), 37U + 64U);
  const std::string secret = made.token.substr(37);
  EXPECT_EQ(secret.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(stored.value.find(secret), std::string::npos) << "only its hash is stored";
  EXPECT_NE(Mint("user-1").id, made.id);
}

TEST_F(DeviceTest, APresentedIdentityIsRecognised) {
  for (const std::optional<std::string_view> caller :
       {std::optional<std::string_view>("user-1"), std::optional<std::string_view>()}) {
    const DeviceIdentity made = Mint(caller);
    const auto again = Present(caller, made.token);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->id, made.id);
    EXPECT_EQ(again->token, "");
    EXPECT_TRUE(gateway_.sink.submitted.empty());
  }
}

TEST_F(DeviceTest, AnythingElseGetsANewIdentity) {
  const DeviceIdentity made = Mint("user-1");
  std::string wrong_secret = made.token;
  wrong_secret.back() = wrong_secret.back() == '0' ? '1' : '0';
  std::string unknown = made.token;
  unknown[0] = unknown[0] == '0' ? '1' : '0';
  std::string upper_case = made.token;
  upper_case.back() = 'A';
  const std::vector<std::pair<std::optional<std::string_view>, std::string>> presented = {
      {"user-2", made.token}, {std::nullopt, made.token}, {"user-1", wrong_secret},
      {"user-1", unknown},    {"user-1", upper_case},     {"user-1", made.token + "0"},
      {"user-1", made.id},    {"user-1", "nonsense"},
  };
  for (const auto& [caller, token] : presented) {
    const auto answer = Present(caller, token);
    ASSERT_TRUE(answer) << token;
    EXPECT_NE(answer->id, made.id) << token;
    EXPECT_NE(answer->token, "") << token;
  }
}

TEST_F(DeviceTest, IdsOfCallersCannotBeTakenForOneAnother) {
  const DeviceIdentity made = Mint("a|b");
  EXPECT_EQ(gateway_.cells.cells.begin()->first.second, "a3:a|b|" + made.id);
  EXPECT_NE(Present("a", made.token)->token, "");
}

TEST_F(DeviceTest, UseKeepsAnIdentityAlive) {
  const DeviceIdentity made = Mint("user-1");
  const int64_t half = DeviceRegistry::kKeepMs / 2 + DeviceRegistry::kDayMs;
  for (int i = 0; i < 3; ++i) {
    gateway_.clock.Advance(half);
    EXPECT_EQ(Present("user-1", made.token)->token, "");
    EXPECT_EQ(gateway_.sink.submitted.size(), 1U) << "the TTL begins anew";
    Store();
  }
  gateway_.clock.Advance(2 * half);
  EXPECT_NE(Present("user-1", made.token)->token, "");
}

TEST_F(DeviceTest, AStoreThatFailsMeansNoIdentity) {
  const DeviceIdentity made = Mint("user-1");
  Identify("user-1", made.token);
  gateway_.cells.Fail();
  EXPECT_FALSE(TakeAnswer());
  Identify("user-1");
  gateway_.sink.Answer(gateway_.written, OpOutcome::kOverloaded);
  EXPECT_FALSE(TakeAnswer());
}

TEST_F(DeviceTest, NobodyWaitsLongerThanThePatience) {
  Identify("user-1", Mint("user-1").token);
  Identify("user-1");
  gateway_.Tick(DeviceRegistry::kPatience + milliseconds(100));
  ASSERT_EQ(answers_.size(), 2U);
  EXPECT_FALSE(answers_[0]);
  EXPECT_FALSE(answers_[1]);
  // What comes late is ignored.
  gateway_.cells.Answer();
  Store();
  EXPECT_EQ(answers_.size(), 2U);
}

TEST_F(DeviceTest, TooManyRequestsGoOnWithoutAnIdentity) {
  for (size_t i = 0; i < DeviceRegistry::kWaitingMax; ++i) Identify("user-1");
  EXPECT_TRUE(answers_.empty());
  Identify("user-1");
  EXPECT_FALSE(TakeAnswer());
  Store();
  EXPECT_EQ(answers_.size(), DeviceRegistry::kWaitingMax);
}

TEST_F(DeviceTest, AnIdThatIsTooLongGetsNoIdentity) {
  Identify(std::string(DeviceRegistry::kCallerBytesMax + 1, 'x'));
  EXPECT_FALSE(TakeAnswer());
}

// ---- What the client is told ----

class DeviceFramesTest : public ::testing::Test {
 protected:
  explicit DeviceFramesTest(bool with_auth = false)
      : gateway_(with_auth), handler_(&gateway_.table.OnOpen(session_)) {
    session_.frames.clear();
  }
  ~DeviceFramesTest() override {
    if (handler_ != nullptr) handler_->OnClosed(CloseCause::kPeer);
  }

  void Hello() {
    std::string frame;
    wire::EncodeDeviceHello({}, frame);
    handler_->OnMessage(frame, true);
  }
  void Auth() {
    std::string frame;
    wire::EncodeAuth({.token = "good", .device_token = {}, .protocol_version = {}}, frame);
    handler_->OnMessage(frame, true);
  }
  void Store() { gateway_.sink.Answer(gateway_.written); }
  wire::ServerFrame Last() {
    wire::ServerFrame frame;
    EXPECT_FALSE(session_.frames.empty());
    if (!session_.frames.empty()) {
      EXPECT_TRUE(wire::DecodeServerFrame(session_.frames.back(), frame).ok());
    }
    return frame;
  }

  DispatchHarness gateway_;
  FakeSession session_;
  SessionHandler* handler_;
};

class DeviceAuthFramesTest : public DeviceFramesTest {
 protected:
  DeviceAuthFramesTest() : DeviceFramesTest(true) {}
};

TEST_F(DeviceFramesTest, HelloIsAnsweredOnceWithANewIdentity) {
  Hello();
  Hello();
  Store();
  ASSERT_EQ(session_.frames.size(), 1U);
  const wire::ServerFrame ack = Last();
  EXPECT_EQ(ack.type, wire::FrameType::kDeviceAck);
  ASSERT_TRUE(ack.auth_ack.device_id && ack.auth_ack.device_token);
  EXPECT_TRUE(ack.auth_ack.device_token->starts_with(*ack.auth_ack.device_id));
}

TEST_F(DeviceFramesTest, HelloIsAnsweredWithoutIdentityWhenTheStoreIsAway) {
  Hello();
  gateway_.Tick(DeviceRegistry::kPatience + milliseconds(100));
  const wire::ServerFrame ack = Last();
  EXPECT_EQ(ack.type, wire::FrameType::kDeviceAck);
  EXPECT_FALSE(ack.auth_ack.device_id || ack.auth_ack.device_token);
}

TEST_F(DeviceFramesTest, ATokenInNoAuthModeIsAcknowledgedWithTheSameIdentity) {
  Hello();
  Store();
  const std::string id(*Last().auth_ack.device_id);
  Auth();
  const wire::ServerFrame ack = Last();
  EXPECT_EQ(ack.type, wire::FrameType::kAuthAck);
  EXPECT_EQ(ack.auth_ack.device_id, id);
  EXPECT_FALSE(ack.auth_ack.device_token);
}

TEST_F(DeviceAuthFramesTest, AuthenticationNeverFailsBecauseOfTheStore) {
  Auth();
  EXPECT_TRUE(session_.frames.empty());
  gateway_.Tick(DeviceRegistry::kPatience + milliseconds(100));
  const wire::ServerFrame ack = Last();
  EXPECT_EQ(ack.type, wire::FrameType::kAuthAck);
  EXPECT_EQ(ack.auth_ack.user_id, "user-1");
  EXPECT_FALSE(ack.auth_ack.device_id);
  EXPECT_FALSE(session_.closed);
}

TEST_F(DeviceAuthFramesTest, TheIdentityBelongsToTheUser) {
  Auth();
  ASSERT_EQ(gateway_.sink.submitted.size(), 1U);
  EXPECT_TRUE(gateway_.sink.submitted[0].key.starts_with("a6:user-1|"));
  Store();
  EXPECT_TRUE(Last().auth_ack.device_token);
}

TEST_F(DeviceAuthFramesTest, AClientThatHasGoneIsNotAnswered) {
  Auth();
  std::exchange(handler_, nullptr)->OnClosed(CloseCause::kPeer);
  Store();
  EXPECT_TRUE(session_.frames.empty());
}

}  // namespace
}  // namespace topgun::gateway
