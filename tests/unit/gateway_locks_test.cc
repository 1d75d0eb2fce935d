// Locks of connections between a fake socket and a fake cluster (features.md 3).
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway_fakes.h"
#include "wire/client_encode.h"

namespace topgun::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string LockRequest(std::string_view request_id, std::optional<double> ttl_ms = 10'000,
                        std::string_view name = "jobs") {
  std::string frame;
  wire::EncodeLockRequest({.request_id = request_id, .name = name, .ttl_ms = ttl_ms}, frame);
  return frame;
}

std::string LockRelease(std::string_view request_id, std::optional<int64_t> token,
                        std::string_view name = "jobs") {
  std::string frame;
  wire::EncodeLockRelease({.request_id = request_id, .name = name, .fencing_token = token}, frame);
  return frame;
}

std::string WriteOfMap() {
  wire::Op op;
  op.kind = wire::OpKind::kPut;
  op.map = "todos";
  op.key = "k";
  op.value = "\x01";
  op.id = "1";
  op.has_id = true;
  op.has_timestamp = true;
  op.timestamp = {1'000, 0, "client"};
  std::string frame;
  wire::EncodeClientOp(op, frame);
  return frame;
}

class LocksTest : public ::testing::Test {
 protected:
  explicit LocksTest(DispatchOptions options = {})
      : gateway_(false, options), handler_(&gateway_.table.OnOpen(session_)) {}
  ~LocksTest() override {
    Close();
    EXPECT_EQ(Metric("gateway_locks_held"), 0);
    EXPECT_EQ(Metric("gateway_lock_requests_waiting"), 0);
  }

  void Close() {
    if (handler_ != nullptr) std::exchange(handler_, nullptr)->OnClosed(CloseCause::kPeer);
  }
  void Send(const std::string& frame) { handler_->OnMessage(frame, true); }
  // What the client was told since the last call, e.g. "r1=7 r2:true 403".
  std::string Told() {
    std::string text;
    for (const std::string& bytes : std::exchange(session_.frames, {})) {
      wire::ServerFrame frame;
      EXPECT_TRUE(wire::DecodeServerFrame(bytes, frame).ok());
      if (!text.empty()) text.push_back(' ');
      switch (frame.type) {
        case wire::FrameType::kLockGranted:
          text.append(frame.lock_granted.request_id)
              .append("=")
              .append(std::to_string(frame.lock_granted.fencing_token));
          break;
        case wire::FrameType::kLockReleased:
          text.append(frame.lock_released.request_id)
              .append(frame.lock_released.success ? ":true" : ":false");
          break;
        case wire::FrameType::kError:
          text.append(std::to_string(frame.error.code)).append(" ").append(frame.error.message);
          break;
        default:
          text.append(wire::Name(frame.type));
      }
    }
    return text;
  }
  FakeLockClient& client() { return gateway_.lock_client; }
  const LockWish& Wish() { return client().asked.begin()->second.wish; }
  // Asks for the lock and is granted it.
  void Take(std::string_view request_id, uint64_t token, double ttl_ms = 10'000) {
    Send(LockRequest(request_id, ttl_ms));
    client().Grant(token);
    ASSERT_EQ(Told(), std::string(request_id) + "=" + std::to_string(token));
  }
  double Metric(const std::string& name) {
    const std::string text = gateway_.registry.Render();
    const size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }
  double Fate(const std::string& fate) {
    return Metric("gateway_lock_requests_total{result=\"" + fate + "\"}");
  }
  size_t Count() { return gateway_.locks.CountOf(*gateway_.table.Find({0, 1})); }

  DispatchHarness gateway_;
  FakeSession session_;
  SessionHandler* handler_;
};

// ---- requests ----

TEST_F(LocksTest, ARequestIsPassedOnAndItsGrantTold) {
  Send(LockRequest("r1", 2'500));
  ASSERT_EQ(client().asked.size(), 1U);
  EXPECT_EQ(Wish().name, "jobs");
  EXPECT_EQ(Wish().owner, gateway_.table.Find({0, 1})->origin());
  EXPECT_EQ(Wish().ttl, milliseconds(2'500));
  EXPECT_EQ(Wish().wait, milliseconds(7'000)) << "half a second less than the client waits";
  EXPECT_EQ(Wish().held_token, 0U);
  EXPECT_EQ(Told(), "");
  EXPECT_EQ(Metric("gateway_lock_requests_waiting"), 1);
  client().Grant(7);
  EXPECT_EQ(Told(), "r1=7");
  EXPECT_EQ(Metric("gateway_lock_requests_waiting"), 0);
  EXPECT_EQ(Metric("gateway_locks_held"), 1);
  EXPECT_EQ(Fate("granted"), 1);
}

TEST_F(LocksTest, LeasesHaveBoundsAndWaitsFollowWhatTheClientSaid) {
  struct Case {
    std::optional<double> sent;
    int64_t ttl_ms;
    int64_t wait_ms;
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  for (const Case& c : std::vector<Case>{{std::nullopt, 10'000, 14'500},
                                         {0, 10'000, 4'500},
                                         {nan, 10'000, 14'500},
                                         {-1, 1'000, 4'500},
                                         {999.5, 1'000, 5'499},
                                         {1'000, 1'000, 5'500},
                                         {300'000, 300'000, 304'500},
                                         {1e12, 300'000, 304'500},
                                         {infinity, 300'000, 304'500}}) {
    Send(LockRequest("r", c.sent));
    EXPECT_EQ(Wish().ttl, milliseconds(c.ttl_ms)) << c.sent.value_or(-7);
    EXPECT_EQ(Wish().wait, milliseconds(c.wait_ms)) << c.sent.value_or(-7);
    client().Grant(std::nullopt);
  }
}

TEST_F(LocksTest, WhatCannotBeALockIsRefused) {
  Send(LockRequest("r", 1'000, "no spaces"));
  Send(LockRequest("r", 1'000, ""));
  Send(LockRequest(std::string(1'025, 'r')));
  EXPECT_EQ(Told(), "400 Invalid lock name 400 Invalid lock name 400 requestId: too long");
  EXPECT_TRUE(client().asked.empty());
  EXPECT_EQ(Fate("refused"), 3);
}

TEST_F(LocksTest, ALockIsWrittenAsFarAsPoliciesGo) {
  gateway_.access.Deny(Action::kWrite, "jobs");
  Send(LockRequest("r1"));
  EXPECT_EQ(Told(), "403 Access Denied for lock jobs");
  gateway_.access.Allow(Action::kWrite, "jobs");
  gateway_.access.Deny(Action::kRead, "jobs");
  Send(LockRequest("r2"));
  client().Grant(1);
  EXPECT_EQ(Told(), "r2=1");
}

TEST_F(LocksTest, RequestsAreHeldUntilThePoliciesAreKnown) {
  Take("r1", 1);
  gateway_.access.Become(AccessControl::State::kUnknown);
  Send(LockRequest("r2", 1'000, "other"));
  EXPECT_TRUE(client().asked.empty());
  gateway_.Tick(seconds(6));
  EXPECT_EQ(Told(), "503 access policies are not known yet, lock cannot be granted: other");
  Send(LockRelease("r3", 1));
  EXPECT_EQ(client().given.size(), 1U) << "that needs no permission";
}

// The client takes any answer for a grant.
TEST_F(LocksTest, AWaitThatEndsIsNotAnswered) {
  Send(LockRequest("r1"));
  client().Grant(std::nullopt);
  EXPECT_EQ(Told(), "");
  EXPECT_EQ(Fate("expired"), 1);
  EXPECT_EQ(Count(), 0U);
}

TEST_F(LocksTest, AGrantThatComesTooLateIsGivenBack) {
  Send(LockRequest("r1", 1'000));
  gateway_.Tick(seconds(7));
  client().Grant(7);
  EXPECT_EQ(Told(), "");
  ASSERT_EQ(client().given.size(), 1U);
  EXPECT_EQ(client().given[0].hold.token, 7U);
  EXPECT_EQ(Fate("late"), 1);
  client().Free(true);
  EXPECT_EQ(Metric("gateway_locks_given_back_total{result=\"ok\"}"), 1);
}

TEST_F(LocksTest, AFullLineIsAnError) {
  Send(LockRequest("r1"));
  client().Grant(ResourceExhausted("too many"));
  EXPECT_EQ(Told(), "429 too many wait for lock jobs");
  EXPECT_TRUE(client().given.empty()) << "nothing was granted";
}

TEST_F(LocksTest, WhatAFailedRequestMayHaveBeenGrantedIsGivenBack) {
  Send(LockRequest("r1"));
  client().Grant(Unavailable("no sync replica is up"));
  EXPECT_EQ(Told(), "");
  ASSERT_EQ(client().given.size(), 1U);
  EXPECT_EQ(client().given[0].hold.token, 0U);
  EXPECT_EQ(client().given[0].hold.owner, gateway_.table.Find({0, 1})->origin());
  Send(LockRequest("r2"));
  EXPECT_TRUE(client().asked.empty()) << "it would be given back as well";
  client().Free(false);
  EXPECT_EQ(client().asked.size(), 1U);
  client().Grant(3);
  EXPECT_EQ(Told(), "r2=3");
}

TEST_F(LocksTest, TheNextRequestTakesOverWhatAFailedOneWasGranted) {
  Send(LockRequest("r1"));
  Send(LockRequest("r2"));
  client().Grant(Unavailable("no sync replica is up"));
  EXPECT_TRUE(client().given.empty());
  ASSERT_EQ(client().asked.size(), 1U);
  client().Grant(3);
  EXPECT_EQ(Told(), "r2=3");
}

TEST_F(LocksTest, AHolderIsGrantedItsLockAgain) {
  Take("r1", 7);
  Send(LockRequest("r2", 20'000));
  EXPECT_EQ(Wish().held_token, 7U);
  client().Grant(7);
  EXPECT_EQ(Told(), "r2=7");
  EXPECT_EQ(Count(), 1U);
  gateway_.Tick(seconds(19));
  Send(LockRelease("r3", 7));
  client().Free(true);
  EXPECT_EQ(Told(), "r3:true") << "the longer lease counts";
}

TEST_F(LocksTest, RequestsOfOneConnectionForOneNameAreMadeOneAfterTheOther) {
  Send(LockRequest("r1"));
  Send(LockRequest("r2"));
  Send(LockRequest("r3", 10'000, "other"));
  EXPECT_EQ(client().asked.size(), 2U);
  client().Grant(7);
  EXPECT_EQ(Wish().name, "other");
  client().Grant(8);
  EXPECT_EQ(Wish().held_token, 7U);
  client().Grant(7);
  EXPECT_EQ(Told(), "r1=7 r3=8 r2=7");
}

TEST_F(LocksTest, ARequestWhoseTimePassesBehindAnotherIsDropped) {
  Send(LockRequest("r1", 60'000));
  Send(LockRequest("r2", 1'000));
  gateway_.Tick(seconds(7));
  client().Grant(std::nullopt);
  EXPECT_TRUE(client().asked.empty());
  EXPECT_EQ(Fate("expired"), 2);
}

TEST_F(LocksTest, AConnectionHasSoManyLocks) {
  for (int i = 0; i < 5; ++i) Send(LockRequest("r", 1'000, "lock-" + std::to_string(i)));
  EXPECT_EQ(Told(), "");
  Send(LockRequest("r", 1'000, "lock-5"));
  EXPECT_EQ(Told(), "429 too many locks");
  client().Grant(1);
  EXPECT_EQ(Told(), "r=1");
  Send(LockRequest("r", 1'000, "lock-5"));
  EXPECT_EQ(Told(), "429 too many locks") << "what is held counts";
  client().Grant(std::nullopt);
  Send(LockRequest("r", 1'000, "lock-5"));
  EXPECT_EQ(Told(), "");
  EXPECT_EQ(Count(), 5U);
}

// ---- releases ----

TEST_F(LocksTest, AReleaseIsPassedOnAndAnswered) {
  Take("r1", 7);
  Send(LockRelease("r2", 7));
  ASSERT_EQ(client().given.size(), 1U);
  EXPECT_EQ(client().given[0].hold.name, "jobs");
  EXPECT_EQ(client().given[0].hold.token, 7U);
  EXPECT_EQ(client().given[0].hold.owner, gateway_.table.Find({0, 1})->origin());
  EXPECT_EQ(Told(), "");
  client().Free(true);
  EXPECT_EQ(Told(), "r2:true");
  EXPECT_EQ(Count(), 0U);
  Take("r3", 8);
  Send(LockRelease("r4", 8));
  client().Free(false);
  EXPECT_EQ(Told(), "r4:false") << "its lease was over";
  EXPECT_EQ(Metric("gateway_lock_releases_total{result=\"released\"}"), 1);
  EXPECT_EQ(Metric("gateway_lock_releases_total{result=\"not_held\"}"), 1);
}

TEST_F(LocksTest, OnlyWhatTheConnectionHoldsIsReleased) {
  Send(LockRelease("r1", 7));
  EXPECT_EQ(Told(), "r1:false");
  Take("r2", 7);
  Send(LockRelease("r3", 8));
  Send(LockRelease("r4", std::nullopt));
  Send(LockRelease("r5", 7, "other"));
  Send(LockRelease("r6", 0));
  Send(LockRelease("r7", 7, "no lock"));
  EXPECT_EQ(Told(), "r3:false r4:false r5:false r6:false r7:false");
  EXPECT_TRUE(client().given.empty());
  std::string nameless;
  wire::EncodeLockRelease({.request_id = {}, .name = "jobs", .fencing_token = {}}, nameless);
  Send(nameless);
  EXPECT_EQ(Told(), ":false");
  FakeSession other_session;
  SessionHandler& other = gateway_.table.OnOpen(other_session);
  other.OnMessage(LockRelease("r8", 7), true);
  EXPECT_TRUE(client().given.empty()) << "it is not the other one's";
  EXPECT_EQ(other_session.TakeTypes(), "LOCK_RELEASED");
  other.OnClosed(CloseCause::kPeer);
}

TEST_F(LocksTest, ASecondReleaseIsTooLate) {
  Take("r1", 7);
  Send(LockRelease("r2", 7));
  Send(LockRelease("r3", 7));
  EXPECT_EQ(Told(), "r3:false");
  client().Free(true);
  EXPECT_EQ(Told(), "r2:true");
}

// Whoever is granted the lock next is to read what was written under it.
TEST_F(LocksTest, AReleaseWaitsForTheWritesBeforeIt) {
  Take("r1", 7);
  Send(WriteOfMap());
  Send(LockRelease("r2", 7));
  EXPECT_TRUE(client().given.empty());
  gateway_.sink.Answer(gateway_.written);
  EXPECT_EQ(client().given.size(), 1U);
  client().Free(true);
  EXPECT_EQ(Told(), "OP_ACK r2:true");
}

TEST_F(LocksTest, ARequestDoesNotOvertakeTheReleaseBeforeIt) {
  Take("r1", 7);
  Send(WriteOfMap());
  Send(LockRelease("r2", 7));
  Send(LockRequest("r3"));
  EXPECT_TRUE(client().asked.empty());
  gateway_.sink.Answer(gateway_.written);
  EXPECT_TRUE(client().asked.empty());
  client().Free(true);
  EXPECT_EQ(Wish().held_token, 0U);
  client().Grant(8);
  EXPECT_EQ(Told(), "OP_ACK r2:true r3=8");
}

// The lease was over when the second request came, so it was granted anew.
TEST_F(LocksTest, AReleaseOfAnOlderGrantLeavesTheNewOneAlone) {
  Take("r1", 7);
  Send(LockRequest("r2"));
  Send(LockRelease("r3", 7));
  client().Grant(8);
  client().Free(false);
  EXPECT_EQ(Told(), "r2=8 r3:false");
  Send(LockRelease("r4", 8));
  ASSERT_EQ(client().given.size(), 1U);
  client().Free(true);
  EXPECT_EQ(Told(), "r4:true");
}

TEST_F(LocksTest, AReleaseThatTakesLongIsAnsweredInTime) {
  Take("r1", 7, 60'000);
  Send(WriteOfMap());
  Send(LockRelease("r2", 7));
  gateway_.Tick(milliseconds(4'400));
  EXPECT_EQ(Told(), "");
  gateway_.Tick(seconds(1));
  EXPECT_EQ(Told(), "r2:false");
  gateway_.sink.Answer(gateway_.written);
  ASSERT_EQ(client().given.size(), 1U) << "it goes on";
  EXPECT_GT(client().given[0].patience, seconds(50)) << "until the lease is over";
  client().Free(true);
  EXPECT_EQ(Told(), "OP_ACK");
  EXPECT_EQ(Count(), 0U);
  EXPECT_EQ(Metric("gateway_lock_releases_total{result=\"failed\"}"), 1);
}

TEST_F(LocksTest, AReleaseThatFailsIsAnswered) {
  Take("r1", 7);
  Send(LockRelease("r2", 7));
  client().Free(Unavailable("no sync replica is up"));
  EXPECT_EQ(Told(), "r2:false");
}

TEST_F(LocksTest, ALeaseThatIsOverIsForgotten) {
  Take("r1", 7, 1'000);
  gateway_.Tick(milliseconds(1'500));
  EXPECT_EQ(Metric("gateway_locks_held"), 0);
  EXPECT_EQ(Count(), 0U);
  Send(LockRelease("r2", 7));
  EXPECT_EQ(Told(), "r2:false");
  EXPECT_TRUE(client().given.empty());
}

TEST_F(LocksTest, ALeaseMayEndWhileItIsReleased) {
  Take("r1", 7, 1'000);
  Send(WriteOfMap());
  Send(LockRelease("r2", 7));
  gateway_.Tick(milliseconds(1'500));
  gateway_.sink.Answer(gateway_.written);
  ASSERT_EQ(client().given.size(), 1U);
  EXPECT_EQ(client().given[0].hold.token, 7U);
  client().Free(false);
  EXPECT_EQ(Told(), "OP_ACK r2:false");
}

// ---- the end of a connection ----

TEST_F(LocksTest, WhatAConnectionHeldIsGivenBack) {
  Take("r1", 7);
  const std::string origin = gateway_.table.Find({0, 1})->origin();
  Close();
  ASSERT_EQ(client().given.size(), 1U);
  EXPECT_EQ(client().given[0].hold.owner, origin);
  EXPECT_EQ(client().given[0].hold.token, 0U) << "whatever it holds";
  EXPECT_GE(client().given[0].patience, seconds(9));
  client().Free(Unavailable("no sync replica is up"));
  EXPECT_EQ(Metric("gateway_locks_given_back_total{result=\"failed\"}"), 1);
}

TEST_F(LocksTest, RequestsAreCancelledAndWhatTheyMayHaveBeenGrantedGivenBack) {
  Send(LockRequest("r1"));
  Send(LockRequest("r2"));
  Close();
  EXPECT_EQ(client().cancelled, 1);
  ASSERT_EQ(client().given.size(), 1U);
  EXPECT_EQ(client().given[0].hold.token, 0U);
  EXPECT_EQ(Fate("left"), 2);
}

TEST_F(LocksTest, AReleaseUnderWayGoesOnWithoutItsConnection) {
  Take("r1", 7);
  Send(LockRelease("r2", 7));
  Close();
  ASSERT_EQ(client().given.size(), 1U);
  client().Free(true);
  gateway_.Tick(seconds(5));
}

TEST_F(LocksTest, AReleaseThatWaitedForWritesDoesNotWaitAnyLonger) {
  Take("r1", 7);
  Send(WriteOfMap());
  Send(LockRelease("r2", 7));
  Close();
  EXPECT_EQ(client().given.size(), 1U);
  gateway_.Tick(seconds(5));
}

// The slot of a connection is used again.
TEST_F(LocksTest, AnAnswerIsNotTakenForThatOfALaterConnection) {
  Take("r1", 7);
  Send(LockRelease("r2", 7));
  Close();
  FakeSession later_session;
  SessionHandler& later = gateway_.table.OnOpen(later_session);
  later.OnMessage(LockRequest("r2"), true);
  client().Free(true);
  EXPECT_TRUE(later_session.frames.empty());
  later.OnClosed(CloseCause::kPeer);
}

class SlowLocksTest : public LocksTest {
 protected:
  SlowLocksTest() : LocksTest({.ops_per_second = 1, .ops_burst = 2}) {}
};

TEST_F(SlowLocksTest, AReleaseBeyondTheRateIsAnswered) {
  Take("r1", 7);
  Send(LockRequest("r2", 1'000, "other"));
  Send(LockRelease("r3", 7));
  EXPECT_EQ(Told(), "429 rate limit exceeded, slow down r3:false");
}

}  // namespace
}  // namespace topgun::gateway
