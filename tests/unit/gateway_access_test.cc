// What the policies mean for connections: refused writes and reads, frames that wait until the
// policies are known, and live queries and synced maps whose policies change.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "gateway_fakes.h"
#include "state/cell.h"
#include "wire/batch.h"
#include "wire/client_encode.h"

namespace topgun::gateway {
namespace {

using std::chrono::milliseconds;

wire::Op PutInto(std::string_view id, std::string_view map, std::string_view value = "\x01") {
  wire::Op op;
  op.kind = wire::OpKind::kPut;
  op.map = map;
  op.key = id;
  op.value = value;
  op.id = id;
  op.has_id = true;
  op.has_timestamp = true;
  op.timestamp = {1'000, 0, "client"};
  return op;
}

std::string OpsFrame(std::vector<wire::Op> ops) {
  wire::OpBatchFrame batch;
  batch.ops = std::move(ops);
  std::string frame;
  wire::EncodeOpBatch(batch, frame);
  return frame;
}

std::string QuerySub(std::string_view query_id, std::string_view map) {
  wire::QuerySubFrame sub;
  sub.query_id = query_id;
  sub.map = map;
  std::string frame;
  wire::EncodeQuerySub(sub, frame);
  return frame;
}

std::string SyncInit(std::string_view map) {
  std::string frame;
  wire::EncodeSyncInit({.map = map, .last_sync_timestamp = 0}, frame);
  return frame;
}

std::string Bucket(std::string_view map) {
  std::string frame;
  wire::EncodeMerkleReqBucket({.map = map, .path = ""}, frame);
  return frame;
}

// Records as tag and value.
std::string OrPushOf(const std::vector<std::pair<std::string, std::string>>& records,
                     const std::vector<std::string>& tombstones) {
  wire::OrMapPushDiffFrame push;
  push.map = "m";
  push.entries.AddKey("k");
  for (const auto& [tag, value] : records) {
    push.entries.AddRecord({.value = value, .timestamp = {5, 0, "c"}, .tag = tag});
  }
  for (const std::string& tag : tombstones) push.entries.AddTombstone(tag);
  std::string frame;
  wire::EncodeOrMapPushDiff(push, frame);
  return frame;
}

class AccessTest : public ::testing::Test {
 protected:
  explicit AccessTest(AccessGateOptions options = {})
      : gateway_(false, {}, {}, DispatchHarness::SingleNode(), options),
        handler_(&gateway_.table.OnOpen(session_)) {}
  ~AccessTest() override { handler_->OnClosed(CloseCause::kPeer); }

  // What the connection heard since the last call, e.g. "ERROR 403 write ...; OP_ACK".
  std::string Heard() {
    std::string text;
    for (const std::string& bytes : std::exchange(session_.frames, {})) {
      wire::ServerFrame frame;
      EXPECT_TRUE(wire::DecodeServerFrame(bytes, frame).ok());
      if (!text.empty()) text.append("; ");
      text.append(Describe(frame));
    }
    return text;
  }
  std::string Ask(const std::string& frame) {
    handler_->OnMessage(frame, true);
    return Heard();
  }
  void PoliciesChanged() {
    gateway_.gate.OnPoliciesChanged();
    gateway_.turns.Run();
  }
  void Become(AccessControl::State state) {
    gateway_.access.Become(state);
    PoliciesChanged();
  }
  // Answers the oldest read of the map's rows.
  void AnswerRows(uint64_t n = 5) { gateway_.reader.Answer({{"k", "\x01"}}, {{1, n}}); }
  void AnswerTree(uint32_t hash) {
    gateway_.turns.Run();
    auto [request, done] = std::move(gateway_.trees.reads.front());
    gateway_.trees.reads.pop_front();
    auto answer = std::make_shared<TreeAnswer>();
    answer->nodes.resize(request.paths.size());
    for (TreeAnswer::Node& node : answer->nodes) node.hash = hash;
    done(std::shared_ptr<const TreeAnswer>(std::move(answer)));
  }
  void Happen(uint64_t n) {
    state::CellView cell;
    cell.timestamp = {1'000, 0, "other"};
    cell.value = "\x02";
    const std::string bytes = state::EncodeCell(cell);
    gateway_.fan_out.OnChange(
        {.map = "m", .origin = "other", .key = "k", .cell = bytes, .position = {1, n}});
    gateway_.fan_out.OnProgress();
  }

  DispatchHarness gateway_;
  FakeSession session_;
  SessionHandler* handler_;

 private:
  static std::string Describe(const wire::ServerFrame& frame) {
    std::string text(wire::Name(frame.type));
    if (frame.type == wire::FrameType::kError) {
      text.append(" ").append(std::to_string(frame.error.code));
      text.append(" ").append(frame.error.message);
    } else if (frame.type == wire::FrameType::kOpRejected) {
      text.append(" ").append(frame.op_rejected.op_id);
      text.append(" ").append(std::to_string(frame.op_rejected.code.value_or(0)));
    } else if (frame.type == wire::FrameType::kOpAck) {
      text.append(" ").append(frame.op_ack.last_id);
      for (const auto& result : frame.op_ack.results) {
        text.append(result.success ? " +" : " -").append(result.op_id);
      }
    }
    return text;
  }
};

// ---- Writes ----

TEST_F(AccessTest, AForbiddenOpIsRefusedAndTheOthersAreApplied) {
  gateway_.access.Deny(Action::kWrite, "secret");
  EXPECT_EQ(Ask(OpsFrame({PutInto("1", "m"), PutInto("2", "secret"), PutInto("3", "m")})),
            "ERROR 403 write access denied for map: secret; OP_REJECTED 2 403");
  ASSERT_EQ(gateway_.sink.submitted.size(), 2U);
  gateway_.sink.Answer(gateway_.table);
  EXPECT_EQ(Heard(), "OP_ACK 1 -2 +3");
  // The log of the client is free again.
  EXPECT_EQ(Ask(OpsFrame({PutInto("4", "m")})), "");
  gateway_.sink.Answer(gateway_.table);
  EXPECT_EQ(Heard(), "OP_ACK 4");
}

TEST_F(AccessTest, AFrameOfForbiddenOpsIsAcknowledgedByResults) {
  gateway_.access.Deny(Action::kWrite, "secret");
  EXPECT_EQ(Ask(OpsFrame({PutInto("1", "secret"), PutInto("2", "secret")})),
            "ERROR 403 write access denied for map: secret; OP_REJECTED 1 403; OP_REJECTED 2 403; "
            "OP_ACK 0 -1 -2");
  EXPECT_TRUE(gateway_.sink.submitted.empty());
}

TEST_F(AccessTest, InvalidAndForbiddenOpsAreToldApart) {
  gateway_.access.Deny(Action::kWrite, "a");
  gateway_.access.Deny(Action::kWrite, "b");
  EXPECT_EQ(
      Ask(OpsFrame({PutInto("1", "b"), PutInto("2", ""), PutInto("3", "a"), PutInto("4", "b")})),
      "ERROR 400 ops[1].mapName: must not be empty; "
      "ERROR 403 write access denied for map: b; ERROR 403 write access denied for map: a; "
      "OP_REJECTED 1 403; OP_REJECTED 2 400; OP_REJECTED 3 403; OP_REJECTED 4 403; "
      "OP_ACK 0 -1 -2 -3 -4");
}

TEST_F(AccessTest, ManyForbiddenMapsCostAFewErrors) {
  std::vector<std::string> maps;
  for (int i = 0; i < 20; ++i) maps.push_back("m" + std::to_string(i));
  std::vector<wire::Op> ops;
  for (const std::string& map : maps) {
    gateway_.access.Deny(Action::kWrite, map);
    ops.push_back(PutInto("1", map));
  }
  const std::string heard = Ask(OpsFrame(std::move(ops)));
  size_t errors = 0;
  for (size_t at = heard.find("ERROR"); at != std::string::npos; at = heard.find("ERROR", at + 1)) {
    ++errors;
  }
  EXPECT_EQ(errors, 8U);
}

TEST_F(AccessTest, TheValueThatIsWrittenDecides) {
  gateway_.access.denied_value = "\x07";
  gateway_.access.Become(AccessControl::State::kEnforced);
  EXPECT_EQ(Ask(OpsFrame({PutInto("1", "m", "\x07")})),
            "ERROR 403 write access denied for map: m; OP_REJECTED 1 403; OP_ACK 0 -1");
  wire::Op removal = PutInto("2", "m");
  removal.kind = wire::OpKind::kRemove;
  removal.value = {};
  gateway_.access.Deny(Action::kWrite, "m");
  EXPECT_EQ(Ask(OpsFrame({removal})),
            "ERROR 403 write access denied for map: m; OP_REJECTED 2 403; OP_ACK 0 -2");
}

TEST_F(AccessTest, ItemsOfABatchAreCheckedInSilence) {
  gateway_.access.Deny(Action::kWrite, "secret");
  std::string data;
  wire::AppendBatchItem(OpsFrame({PutInto("1", "secret")}), data);
  std::string frame;
  wire::EncodeBatch({.data = data}, frame);
  EXPECT_EQ(Ask(frame), "OP_REJECTED 1 403; OP_ACK 0 -1");
  EXPECT_TRUE(gateway_.sink.submitted.empty());
}

TEST_F(AccessTest, RecordsAndTombstonesOfAPushAreCheckedEach) {
  gateway_.access.denied_value = "\x07";
  gateway_.access.Become(AccessControl::State::kEnforced);
  EXPECT_EQ(Ask(OrPushOf({{"mine", "\x01"}, {"theirs", "\x07"}}, {})),
            "ERROR 403 write access denied for map: m");
  ASSERT_EQ(gateway_.sink.submitted.size(), 1U);
  EXPECT_EQ(gateway_.sink.submitted[0].tag, "mine");
  EXPECT_EQ(Ask(OrPushOf({{"more", "\x01"}}, {"dead"})), "");
  EXPECT_EQ(gateway_.trees.resolves.size(), 1U);

  gateway_.access.Deny(Action::kWrite, "m");
  EXPECT_EQ(Ask(OrPushOf({}, {"another"})), "ERROR 403 write access denied for map: m");
  EXPECT_EQ(gateway_.trees.resolves.size(), 1U);
}

// ---- Reads ----

TEST_F(AccessTest, ForbiddenReadsAreAnsweredWithAnError) {
  gateway_.access.Deny(Action::kRead, "m");
  const std::string denied = "ERROR 403 read access denied for map: m";
  EXPECT_EQ(Ask(QuerySub("q", "m")), denied);
  EXPECT_EQ(Ask(SyncInit("m")), denied);
  EXPECT_EQ(Ask(Bucket("m")), denied);
  EXPECT_TRUE(gateway_.reader.reads.empty());
  EXPECT_TRUE(gateway_.trees.reads.empty());
  EXPECT_EQ(Ask(OpsFrame({PutInto("1", "m")})), "");  // may be written
}

TEST_F(AccessTest, ALiveQueryEndsWithItsPermissionAndComesBackWithIt) {
  EXPECT_EQ(Ask(QuerySub("q", "m")), "");
  AnswerRows();
  EXPECT_EQ(Heard(), "QUERY_RESP");
  Happen(6);
  EXPECT_EQ(Heard(), "SERVER_EVENT; QUERY_UPDATE");

  gateway_.access.Deny(Action::kRead, "m");
  PoliciesChanged();
  EXPECT_EQ(Heard(), "ERROR 403 read access denied for map: m");
  Happen(7);
  gateway_.fan_out.OnGap(0);
  gateway_.fan_out.OnProgress();
  EXPECT_EQ(Heard(), "");
  EXPECT_TRUE(gateway_.reader.reads.empty());

  gateway_.access.Allow(Action::kRead, "m");
  PoliciesChanged();
  ASSERT_EQ(gateway_.reader.reads.size(), 1U);
  Happen(9);
  AnswerRows(8);
  EXPECT_EQ(Heard(), "QUERY_RESP; SERVER_EVENT; QUERY_UPDATE");
  Happen(10);
  EXPECT_EQ(Heard(), "SERVER_EVENT; QUERY_UPDATE");
}

TEST_F(AccessTest, ASnapshotOnItsWayIsNotSentOnceItIsForbidden) {
  Ask(QuerySub("q", "m"));
  gateway_.access.Deny(Action::kRead, "m");
  PoliciesChanged();
  Heard();
  AnswerRows();
  EXPECT_EQ(Heard(), "");
}

TEST_F(AccessTest, ADeniedQueryIsFedOnceItIsAllowed) {
  gateway_.access.Deny(Action::kRead, "m");
  Ask(QuerySub("q", "m"));
  Happen(6);
  EXPECT_EQ(Heard(), "");
  gateway_.access.Allow(Action::kRead, "m");
  PoliciesChanged();
  AnswerRows();
  EXPECT_EQ(Heard(), "QUERY_RESP");
}

TEST_F(AccessTest, AQueryThatWaitsForWritesHearsOfItsPermissionToo) {
  Ask(OpsFrame({PutInto("1", "m")}));
  Ask(QuerySub("q", "m"));
  gateway_.access.Deny(Action::kRead, "m");
  PoliciesChanged();
  EXPECT_EQ(Heard(), "ERROR 403 read access denied for map: m");
  gateway_.sink.Answer(gateway_.table);
  EXPECT_EQ(Heard(), "OP_ACK 1");
  EXPECT_TRUE(gateway_.reader.reads.empty());
  gateway_.access.Allow(Action::kRead, "m");
  PoliciesChanged();
  EXPECT_EQ(gateway_.reader.reads.size(), 1U);
}

TEST_F(AccessTest, RootsGoToThoseWhoMayRead) {
  Ask(SyncInit("m"));
  AnswerTree(7);
  EXPECT_EQ(Heard(), "SYNC_RESP_ROOT");
  Ask(SyncInit("m"));
  gateway_.access.Deny(Action::kRead, "m");
  PoliciesChanged();
  EXPECT_EQ(Heard(), "ERROR 403 read access denied for map: m");
  AnswerTree(7);  // asked while it was allowed
  EXPECT_EQ(Heard(), "ERROR 403 read access denied for map: m");

  gateway_.map_sync.Heal();
  gateway_.Tick(milliseconds(1'000));
  AnswerTree(8);
  EXPECT_EQ(Heard(), "");

  gateway_.access.Allow(Action::kRead, "m");
  PoliciesChanged();
  gateway_.Tick();
  ASSERT_EQ(gateway_.trees.reads.size(), 1U);
  AnswerTree(9);
  EXPECT_EQ(Heard(), "SYNC_RESP_ROOT");
}

TEST_F(AccessTest, ADeniedSyncIsHealedOnceItIsAllowed) {
  gateway_.access.Deny(Action::kRead, "m");
  Ask(SyncInit("m"));
  gateway_.access.Allow(Action::kRead, "m");
  PoliciesChanged();
  gateway_.Tick();
  ASSERT_EQ(gateway_.trees.reads.size(), 1U);
  AnswerTree(9);
  EXPECT_EQ(Heard(), "SYNC_RESP_ROOT");
}

// ---- Policies that are not known ----

TEST_F(AccessTest, APushThatWaitedTooLongIsOfferedAgain) {
  Become(AccessControl::State::kUnknown);
  Ask(OrPushOf({{"tag", "\x01"}}, {}));
  gateway_.Tick(milliseconds(5'100));
  EXPECT_EQ(Heard(), "ERROR 429 access policies are not known yet, try again later");
  EXPECT_TRUE(gateway_.sink.submitted.empty());
  Become(AccessControl::State::kOpen);
  gateway_.Tick(milliseconds(6'000));
  ASSERT_EQ(gateway_.trees.reads.size(), 1U);
  AnswerTree(7);
  EXPECT_EQ(Heard(), "ORMAP_SYNC_RESP_ROOT");
}

TEST_F(AccessTest, FramesWaitUntilThePoliciesAreKnown) {
  Become(AccessControl::State::kUnknown);
  EXPECT_EQ(Ask(OpsFrame({PutInto("1", "m")})), "");
  EXPECT_TRUE(gateway_.sink.submitted.empty());
  EXPECT_EQ(gateway_.gate.held(), 1U);
  Become(AccessControl::State::kOpen);
  ASSERT_EQ(gateway_.sink.submitted.size(), 1U);
  gateway_.sink.Answer(gateway_.table);
  EXPECT_EQ(Heard(), "OP_ACK 1");
}

TEST_F(AccessTest, AFrameThatWaitedIsCheckedByThePolicies) {
  Become(AccessControl::State::kUnknown);
  Ask(OpsFrame({PutInto("1", "m")}));
  gateway_.access.Deny(Action::kWrite, "m");
  PoliciesChanged();
  EXPECT_EQ(Heard(), "ERROR 403 write access denied for map: m; OP_REJECTED 1 403; OP_ACK 0 -1");
}

TEST_F(AccessTest, AWriteThatWaitedTooLongIsNotRefusedForGood) {
  Become(AccessControl::State::kUnknown);
  Ask(OpsFrame({PutInto("1", "m")}));
  gateway_.Tick(milliseconds(4'900));
  EXPECT_EQ(Heard(), "");
  gateway_.Tick(milliseconds(200));
  EXPECT_EQ(Heard(), "ERROR 429 access policies are not known yet, try again later");
  EXPECT_FALSE(session_.paused);
  EXPECT_TRUE(gateway_.sink.submitted.empty());

  Become(AccessControl::State::kOpen);
  gateway_.Tick(milliseconds(2'000));
  EXPECT_EQ(Heard(), "AUTH_ACK");  // makes the client send it again
  Ask(OpsFrame({PutInto("1", "m")}));
  gateway_.sink.Answer(gateway_.table);
  EXPECT_EQ(Heard(), "OP_ACK 1");
}

TEST_F(AccessTest, AReadThatWaitedTooLongIsAnsweredOnceThePoliciesAreKnown) {
  Become(AccessControl::State::kUnknown);
  Ask(QuerySub("q", "m"));
  gateway_.Tick(milliseconds(5'100));
  EXPECT_EQ(Heard(), "ERROR 503 access policies are not known yet, map cannot be read: m");
  Become(AccessControl::State::kOpen);
  AnswerRows();
  EXPECT_EQ(Heard(), "QUERY_RESP");
}

TEST_F(AccessTest, AConnectionMayGoWhileItsFrameWaits) {
  FakeSession other;
  SessionHandler& handler = gateway_.table.OnOpen(other);
  Become(AccessControl::State::kUnknown);
  handler.OnMessage(OpsFrame({PutInto("1", "m")}), true);
  handler.OnClosed(CloseCause::kPeer);
  Become(AccessControl::State::kOpen);
  EXPECT_EQ(gateway_.gate.held(), 0U);
  EXPECT_TRUE(gateway_.sink.submitted.empty());
}

TEST_F(AccessTest, ManyFramesAreHandledInTurns) {
  std::vector<std::unique_ptr<FakeSession>> sessions;
  std::vector<SessionHandler*> handlers;
  Become(AccessControl::State::kUnknown);
  for (size_t i = 0; i < AccessGate::kReleasedPerTurn + 10; ++i) {
    sessions.push_back(std::make_unique<FakeSession>());
    handlers.push_back(&gateway_.table.OnOpen(*sessions.back()));
    handlers.back()->OnMessage(QuerySub("q", ""), true);
  }
  EXPECT_EQ(gateway_.gate.held(), AccessGate::kReleasedPerTurn + 10);
  Become(AccessControl::State::kOpen);
  for (const auto& session : sessions) EXPECT_EQ(session->TakeTypes(), "ERROR");
  for (SessionHandler* const handler : handlers) handler->OnClosed(CloseCause::kPeer);
}

class SmallGateTest : public AccessTest {
 protected:
  SmallGateTest() : AccessTest({.held_bytes_max = 100}) {}
};

TEST_F(SmallGateTest, FramesBeyondTheLimitAreRefusedForNow) {
  Become(AccessControl::State::kUnknown);
  const std::string value(200, 'x');
  EXPECT_EQ(Ask(OpsFrame({PutInto("1", "m", "\xd9\xc8" + value)})),
            "ERROR 429 access policies are not known yet, try again later");
  EXPECT_FALSE(session_.paused);
  EXPECT_EQ(gateway_.gate.held(), 0U);
}

class AuthAccessTest : public ::testing::Test {};

TEST_F(AuthAccessTest, AuthenticationDoesNotWait) {
  DispatchHarness gateway(true);
  gateway.access.Become(AccessControl::State::kUnknown);
  FakeSession session;
  SessionHandler& handler = gateway.table.OnOpen(session);
  std::string auth;
  wire::EncodeAuth({.token = "good", .device_token = {}, .protocol_version = {}}, auth);
  handler.OnMessage(auth, true);
  gateway.sink.Answer(gateway.written);  // the identity of the device
  EXPECT_EQ(session.TakeTypes(), "AUTH_REQUIRED AUTH_ACK");
  handler.OnMessage(QuerySub("q", "m"), true);
  EXPECT_EQ(session.TakeTypes(), "");
  EXPECT_EQ(gateway.gate.held(), 1U);
  handler.OnClosed(CloseCause::kPeer);
}

}  // namespace
}  // namespace topgun::gateway
