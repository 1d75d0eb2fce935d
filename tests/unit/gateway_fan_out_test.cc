// Live queries: snapshots and the changes around them (features.md 1.1, 1.10; core.md 6).
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "gateway_fakes.h"
#include "state/cell.h"
#include "wire/client_encode.h"

namespace topgun::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A client that subscribes, and says what it hears in a few letters per frame.
class Client {
 public:
  explicit Client(DispatchHarness& gateway)
      : gateway_(gateway), handler_(gateway.table.OnOpen(session)) {}
  ~Client() { handler_.OnClosed(CloseCause::kPeer); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void Subscribe(std::string_view query_id, std::string_view map = "m") {
    wire::QuerySubFrame sub;
    sub.query_id = query_id;
    sub.map = map;
    std::string frame;
    wire::EncodeQuerySub(sub, frame);
    handler_.OnMessage(frame, true);
  }
  void Unsubscribe(std::string_view query_id) {
    std::string frame;
    wire::EncodeQueryUnsub({.query_id = query_id}, frame);
    handler_.OnMessage(frame, true);
  }
  void Write(std::string_view key) {
    wire::Op op;
    op.kind = wire::OpKind::kPut;
    op.map = "m";
    op.key = key;
    op.value = "\x01";
    op.id = "1";
    op.has_id = true;
    op.has_timestamp = true;
    op.timestamp = {1, 0, "n"};
    std::string frame;
    wire::EncodeClientOp(op, frame);
    handler_.OnMessage(frame, true);
    origin = gateway_.sink.submitted.back().origin;
  }

  // e.g. "resp:q1[a b] event:PUT:a q1:ENTER:a"
  std::string Heard() {
    std::string text;
    for (const std::string& bytes : std::exchange(session.frames, {})) {
      wire::ServerFrame frame;
      EXPECT_TRUE(wire::DecodeServerFrame(bytes, frame).ok());
      if (!text.empty()) text.push_back(' ');
      text.append(Describe(frame));
    }
    return text;
  }

  FakeSession session;
  std::string origin = "another";

 private:
  static std::string Describe(const wire::ServerFrame& frame) {
    std::string text;
    switch (frame.type) {
      case wire::FrameType::kQueryResp:
        text.append("resp:").append(frame.query_resp.query_id).append("[");
        for (const auto& row : frame.query_resp.results) {
          if (text.back() != '[') text.push_back(' ');
          text.append(row.key);
        }
        return text.append("]");
      case wire::FrameType::kServerEvent:
        return text.append("event:")
            .append(Name(frame.event.kind))
            .append(":")
            .append(frame.event.key);
      case wire::FrameType::kQueryUpdate:
        return text.append(frame.query_update.query_id)
            .append(":")
            .append(Name(frame.query_update.change))
            .append(":")
            .append(frame.query_update.key);
      case wire::FrameType::kError:
        return "error:" + std::to_string(frame.error.code);
      default:
        return std::string(Name(frame.type));
    }
  }

  DispatchHarness& gateway_;
  SessionHandler& handler_;
};

struct Happening {
  std::string key = "k";
  state::Position position{1, 10};
  std::string origin = {};
  bool was_live = false;
  bool tombstone = false;
  bool tell_origin = false;
  double ttl_ms = 0;
  std::string tag = {};  // makes it an OR cell
  uint32_t shard = 0;
};

class FanOutTest : public ::testing::Test {
 protected:
  void Happen(const Happening& what) {
    state::CellView cell;
    cell.version = what.position;
    cell.timestamp = {1'700'000'000'000 - 100, 0, "n"};
    cell.tombstone = what.tombstone;
    cell.has_ttl = what.ttl_ms > 0;
    cell.ttl_ms = what.ttl_ms;
    cell.value = what.tombstone ? "" : "\x01";
    const std::string bytes = state::EncodeCell(cell);
    gateway_.fan_out.OnChange(
        {.map = "m",
         .origin = what.origin,
         .kind = what.tag.empty() ? state::CellKind::kLww : state::CellKind::kOr,
         .was_live = what.was_live,
         .tell_origin = what.tell_origin,
         .key = what.key,
         .tag = what.tag,
         .cell = bytes,
         .shard = what.shard,
         .position = what.position});
  }
  // A client whose query q is settled on an empty snapshot at 1-5.
  void Settle(Client& client) {
    client.Subscribe("q");
    gateway_.reader.Answer({}, {{1, 5}});
    EXPECT_EQ(client.Heard(), "resp:q[]");
  }

  DispatchHarness gateway_;
};

TEST_F(FanOutTest, TheSnapshotWaitsForTheInterestToBeConfirmed) {
  gateway_.source.confirmed = 0;
  Client client(gateway_);
  client.Subscribe("q");
  EXPECT_TRUE(gateway_.source.interest.contains("m"));
  EXPECT_TRUE(gateway_.reader.reads.empty());
  gateway_.source.confirmed = 1;
  gateway_.fan_out.OnProgress();
  ASSERT_EQ(gateway_.reader.reads.size(), 1U);
  gateway_.reader.Answer({{"a", "\x01"}, {"b", "\x02"}}, {{1, 5}});
  EXPECT_EQ(client.Heard(), "resp:q[a b]");
}

TEST_F(FanOutTest, ReadsWaitForTheConnectionsOwnWrites) {
  Client client(gateway_);
  client.Write("k");
  client.Subscribe("q");
  EXPECT_TRUE(gateway_.reader.reads.empty());
  gateway_.sink.Answer(gateway_.table);
  EXPECT_EQ(gateway_.reader.reads.size(), 1U);
}

TEST_F(FanOutTest, AQueryThatIsGivenUpWhileItWaitsIsForgotten) {
  Client client(gateway_);
  client.Write("k");
  client.Subscribe("q");
  client.Unsubscribe("q");
  gateway_.sink.Answer(gateway_.table);
  EXPECT_TRUE(gateway_.reader.reads.empty());
}

TEST_F(FanOutTest, RowsEnterUpdateAndLeave) {
  Client client(gateway_);
  Settle(client);
  Happen({.key = "a"});
  EXPECT_EQ(client.Heard(), "event:PUT:a q:ENTER:a");
  Happen({.key = "a", .was_live = true});
  EXPECT_EQ(client.Heard(), "event:PUT:a q:UPDATE:a");
  Happen({.key = "a", .was_live = true, .tombstone = true});
  EXPECT_EQ(client.Heard(), "event:REMOVE:a q:LEAVE:a");
  Happen({.key = "a", .tombstone = true});
  EXPECT_EQ(client.Heard(), "event:REMOVE:a");
  Happen({.key = "a", .was_live = true, .ttl_ms = 50});  // expired already
  EXPECT_EQ(client.Heard(), "event:PUT:a q:LEAVE:a");
}

TEST_F(FanOutTest, OrCellsAreEventsOnly) {
  Client client(gateway_);
  Settle(client);
  Happen({.key = "a", .tag = "t"});
  Happen({.key = "a", .tombstone = true, .tag = "t"});
  EXPECT_EQ(client.Heard(), "event:OR_ADD:a event:OR_REMOVE:a");
}

TEST_F(FanOutTest, TheWriterIsLeftOutUnlessTheClusterChangedItsStamp) {
  Client writer(gateway_);
  Client other(gateway_);
  writer.Subscribe("q");
  other.Subscribe("q");
  gateway_.reader.Answer({}, {{1, 5}});
  gateway_.reader.Answer({}, {{1, 5}});
  writer.Write("a");
  writer.Heard();
  other.Heard();
  Happen({.key = "a", .origin = writer.origin});
  EXPECT_EQ(writer.Heard(), "");
  EXPECT_EQ(other.Heard(), "event:PUT:a q:ENTER:a");
  Happen({.key = "a", .origin = writer.origin, .was_live = true, .tell_origin = true});
  EXPECT_EQ(writer.Heard(), "event:PUT:a");
}

TEST_F(FanOutTest, ChangesDuringTheReadComeBehindItAndOnlyWhatIsBeyondIt) {
  Client client(gateway_);
  client.Subscribe("q");
  Happen({.key = "in", .position = {1, 5}});
  Happen({.key = "beyond", .position = {1, 6}});
  Happen({.key = "next incarnation", .position = {2, 1}});
  EXPECT_EQ(client.Heard(), "");
  gateway_.reader.Answer({{"in", "\x01"}}, {{1, 5}});
  EXPECT_EQ(client.Heard(),
            "resp:q[in] event:PUT:beyond q:ENTER:beyond "
            "event:PUT:next incarnation q:ENTER:next incarnation");
}

TEST_F(FanOutTest, AWatchThatLagsBehindTheSnapshotDoesNotRepeatIt) {
  Client client(gateway_);
  Settle(client);
  Happen({.key = "old", .position = {1, 5}});
  EXPECT_EQ(client.Heard(), "");
  Happen({.key = "other shard", .position = {1, 1}, .shard = 1});
  EXPECT_EQ(client.Heard(), "event:PUT:other shard q:ENTER:other shard");
}

TEST_F(FanOutTest, TwoQueriesOfAConnectionShareTheEvent) {
  Client client(gateway_);
  Settle(client);
  client.Subscribe("r");
  Happen({.key = "a"});
  EXPECT_EQ(client.Heard(), "event:PUT:a q:ENTER:a");
  gateway_.reader.Answer({}, {{1, 5}});
  EXPECT_EQ(client.Heard(), "resp:r[] r:ENTER:a");
  Happen({.key = "b", .position = {1, 11}});
  EXPECT_EQ(client.Heard(), "event:PUT:b q:ENTER:b r:ENTER:b");
}

TEST_F(FanOutTest, TheSameIdReplacesAndUnsubscribingEnds) {
  Client client(gateway_);
  Settle(client);
  client.Subscribe("q");
  gateway_.reader.Answer({{"x", "\x01"}}, {{1, 9}});
  EXPECT_EQ(client.Heard(), "resp:q[x]");
  Happen({.key = "a"});
  EXPECT_EQ(client.Heard(), "event:PUT:a q:ENTER:a");
  client.Unsubscribe("q");
  Happen({.key = "b"});
  EXPECT_EQ(client.Heard(), "");
}

TEST_F(FanOutTest, WaitingQueriesOfAMapShareOneRead) {
  Client first(gateway_);
  first.Subscribe("q");  // its read is on its way
  Client second(gateway_);
  Client third(gateway_);
  second.Subscribe("q");
  third.Subscribe("q");
  EXPECT_EQ(gateway_.reader.reads.size(), 1U);
  gateway_.reader.Answer({}, {{1, 5}});
  EXPECT_EQ(gateway_.reader.reads.size(), 1U);
  EXPECT_EQ(second.Heard(), "");
  gateway_.reader.Answer({}, {{1, 5}});
  EXPECT_EQ(second.Heard(), "resp:q[]");
  EXPECT_EQ(third.Heard(), "resp:q[]");
  EXPECT_EQ(first.Heard(), "resp:q[]");
}

TEST_F(FanOutTest, AGapReadsAgainWhileChangesGoOn) {
  Client client(gateway_);
  Settle(client);
  gateway_.fan_out.OnGap(0);
  gateway_.fan_out.OnGap(1);
  gateway_.fan_out.OnProgress();
  ASSERT_EQ(gateway_.reader.reads.size(), 1U);
  Happen({.key = "a"});
  EXPECT_EQ(client.Heard(), "event:PUT:a q:ENTER:a");
  gateway_.reader.Answer({{"healed", "\x01"}}, {{1, 9}});
  // The row set is replaced, so the change beyond it is told once more; the event is not.
  EXPECT_EQ(client.Heard(), "resp:q[healed] q:ENTER:a");
}

TEST_F(FanOutTest, AGapDuringAReadMakesItWorthless) {
  Client client(gateway_);
  client.Subscribe("q");
  gateway_.fan_out.OnGap(0);
  gateway_.fan_out.OnProgress();
  gateway_.reader.Answer({{"stale", "\x01"}}, {{1, 5}});
  EXPECT_EQ(client.Heard(), "");
  gateway_.reader.Answer({{"fresh", "\x01"}}, {{1, 9}});
  EXPECT_EQ(client.Heard(), "resp:q[fresh]");
}

TEST(FanOutLimitTest, TooManyKeptChangesReadAgain) {
  DispatchHarness gateway(false, {}, {.kept_bytes_max = 200});
  Client client(gateway);
  client.Subscribe("q");
  state::CellView cell;
  cell.value = "\x01";
  const std::string bytes = state::EncodeCell(cell);
  for (uint64_t n = 10; n < 20; ++n) {
    gateway.fan_out.OnChange({.map = "m", .key = "k", .cell = bytes, .position = {1, n}});
  }
  gateway.reader.Answer({}, {{1, 5}});
  EXPECT_EQ(client.Heard(), "");
  gateway.reader.Answer({{"k", "\x01"}}, {{1, 19}});
  EXPECT_EQ(client.Heard(), "resp:q[k]");
}

TEST(FanOutLimitTest, SubscriptionsAreLimited) {
  DispatchHarness gateway(false, {}, {.subscriptions_max = 2});
  Client client(gateway);
  client.Subscribe("1");
  client.Subscribe("2");
  client.Subscribe("3");
  EXPECT_EQ(client.Heard(), "error:429");
}

TEST_F(FanOutTest, AFailedReadIsToldAndTriedAgain) {
  Client client(gateway_);
  client.Subscribe("q");
  gateway_.reader.Fail();
  EXPECT_EQ(client.Heard(), "error:503");
  gateway_.Tick(milliseconds(500));
  EXPECT_TRUE(gateway_.reader.reads.empty());
  gateway_.Tick(seconds(1));
  ASSERT_EQ(gateway_.reader.reads.size(), 1U);
  gateway_.reader.Answer({}, {{1, 5}});
  EXPECT_EQ(client.Heard(), "resp:q[]");
}

TEST_F(FanOutTest, InterestThatIsNotConfirmedIsTold) {
  gateway_.source.confirmed = 0;
  Client client(gateway_);
  client.Subscribe("q");
  gateway_.Tick(seconds(29));
  EXPECT_EQ(client.Heard(), "");
  gateway_.Tick(seconds(2));
  EXPECT_EQ(client.Heard(), "error:503");
}

TEST_F(FanOutTest, InterestEndsSomeTimeAfterTheLastSubscriber) {
  {
    Client client(gateway_);
    Settle(client);
  }
  gateway_.Tick(seconds(4));
  EXPECT_TRUE(gateway_.source.interest.contains("m"));
  gateway_.Tick(seconds(2));
  EXPECT_FALSE(gateway_.source.interest.contains("m"));
}

TEST_F(FanOutTest, AReadThatOutlivesItsSubscribersIsIgnored) {
  {
    Client client(gateway_);
    client.Subscribe("q");
  }
  gateway_.Tick(seconds(6));
  gateway_.reader.Answer({}, {{1, 5}});
}

}  // namespace
}  // namespace topgun::gateway
