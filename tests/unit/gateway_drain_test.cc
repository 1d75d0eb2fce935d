// How a gateway lets its connections go: the pace of a drain, and connections that reach their age.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <set>
#include <string>
#include <vector>

#include "gateway_fakes.h"
#include "wire/client_encode.h"

namespace topgun::gateway {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr uint64_t kSeed = 7;

// Slots from `first` on.
std::vector<DrainSchedule::Item> Items(uint32_t count, uint64_t cost, uint32_t first = 0) {
  std::vector<DrainSchedule::Item> items;
  for (uint32_t i = 0; i < count; ++i) items.push_back({.id = {first + i, 1}, .cost = cost});
  return items;
}

std::vector<uint32_t> TakeAll(DrainSchedule& schedule, milliseconds elapsed) {
  std::vector<uint32_t> slots;
  while (const auto id = schedule.TakeDue(elapsed)) slots.push_back(id->slot);
  return slots;
}

TEST(DrainSchedule, SpreadsEqualConnectionsEvenly) {
  DrainSchedule schedule(Items(5'000, 1), seconds(2), kSeed);
  EXPECT_EQ(schedule.window(), seconds(2));
  std::set<uint32_t> seen;
  for (milliseconds at(100); at <= seconds(2); at += milliseconds(100)) {
    const std::vector<uint32_t> due = TakeAll(schedule, at);
    EXPECT_NEAR(static_cast<double>(due.size()), 250, 1) << at.count();
    seen.insert(due.begin(), due.end());
  }
  EXPECT_EQ(seen.size(), 5'000U);
  EXPECT_EQ(schedule.waiting(), 0U);
}

TEST(DrainSchedule, CheapConnectionsGoFirstAndCloseTogether) {
  std::vector<DrainSchedule::Item> items = Items(10, 90);
  for (const DrainSchedule::Item& cheap : Items(100, 1, 10)) items.push_back(cheap);
  DrainSchedule schedule(std::move(items), minutes(1), kSeed);
  EXPECT_EQ(schedule.window(), seconds(1));  // a cost of 1 000, at 1 000 a second
  const std::vector<uint32_t> cheap = TakeAll(schedule, milliseconds(100));
  EXPECT_EQ(cheap.size(), 100U);
  EXPECT_GE(*std::min_element(cheap.begin(), cheap.end()), 10U);
  // Each of the others has its share of the window for itself.
  for (milliseconds at(190); at <= seconds(1); at += milliseconds(90)) {
    EXPECT_EQ(TakeAll(schedule, at).size(), 1U) << at.count();
  }
}

TEST(DrainSchedule, FewConnectionsNeedNoWindow) {
  DrainSchedule schedule(Items(10, 1), minutes(1), kSeed);
  EXPECT_EQ(schedule.window(), milliseconds(10));
  EXPECT_EQ(TakeAll(schedule, milliseconds(10)).size(), 10U);
}

TEST(DrainSchedule, ANoWindowClosesAllAtOnce) {
  DrainSchedule schedule(Items(5'000, 3), seconds(0), kSeed);
  EXPECT_EQ(TakeAll(schedule, seconds(0)).size(), 5'000U);
}

TEST(DrainSchedule, NobodyIsLetGoOnce) {
  DrainSchedule schedule({}, seconds(2), kSeed);
  EXPECT_EQ(schedule.window(), seconds(0));
  EXPECT_EQ(schedule.TakeDue(hours(1)), std::nullopt);
}

TEST(DrainSchedule, OrderWithinEqualCostIsRandom) {
  DrainSchedule one(Items(1'000, 1), seconds(1), 1);
  DrainSchedule other(Items(1'000, 1), seconds(1), 2);
  EXPECT_NE(TakeAll(one, seconds(1)), TakeAll(other, seconds(1)));
}

std::string ClientOp(std::string_view id) {
  wire::Op op;
  op.kind = wire::OpKind::kPut;
  op.map = "todos";
  op.key = id;
  op.value = "\x01";
  op.id = id;
  op.has_id = true;
  op.has_timestamp = true;
  op.timestamp = {1'000, 0, "client"};
  std::string frame;
  wire::EncodeClientOp(op, frame);
  return frame;
}

std::string QuerySub(const std::string& query_id) {
  wire::QuerySubFrame sub;
  sub.query_id = query_id;
  sub.map = "todos";
  std::string frame;
  wire::EncodeQuerySub(sub, frame);
  return frame;
}

struct DrainedClient {
  FakeSession session;
  SessionHandler* handler = nullptr;
};

class DrainTest : public ::testing::Test {
 protected:
  explicit DrainTest(DispatchOptions options = {}) : gateway_(false, options) {}
  ~DrainTest() override {
    for (DrainedClient& client : clients_) client.handler->OnClosed(CloseCause::kPeer);
  }

  DrainedClient& Open() {
    DrainedClient& client = clients_.emplace_back();
    client.handler = &gateway_.table.OnOpen(client.session);
    return client;
  }
  void Open(size_t count) {
    for (size_t i = 0; i < count; ++i) Open();
  }
  size_t CountClosed(CloseCause cause = CloseCause::kShutdown) const {
    return static_cast<size_t>(
        std::count_if(clients_.begin(), clients_.end(),
                      [&](const DrainedClient& client) { return client.session.closed == cause; }));
  }
  void BeginDrain(milliseconds window) {
    gateway_.table.BeginDrain({.window = window, .patience = seconds(3)}, gateway_.now);
  }

  DispatchHarness gateway_;
  std::deque<DrainedClient> clients_;
};

TEST_F(DrainTest, UntilItsTurnAConnectionWorksAsEver) {
  Open(1'000);
  BeginDrain(seconds(1));
  for (size_t tick = 1; tick <= 5; ++tick) {
    gateway_.Tick();
    EXPECT_NEAR(static_cast<double>(CountClosed()), static_cast<double>(100 * tick), 1);
  }
  const auto open = std::find_if(clients_.begin(), clients_.end(), [](const DrainedClient& client) {
    return !client.session.closed;
  });
  ASSERT_NE(open, clients_.end());
  open->handler->OnMessage(ClientOp("1"), true);
  gateway_.sink.Answer(gateway_.table);
  EXPECT_EQ(open->session.TakeTypes(), "OP_ACK");
  for (int tick = 0; tick < 6; ++tick) gateway_.Tick();
  EXPECT_EQ(CountClosed(), 1'000U);
}

TEST_F(DrainTest, LiveQueriesCostTimeOfTheWindow) {
  Open();
  DrainedClient& busy = Open();
  for (int i = 0; i < 500; ++i) busy.handler->OnMessage(QuerySub(std::to_string(i)), true);
  BeginDrain(minutes(1));
  EXPECT_EQ(gateway_.table.drain_deadline(), gateway_.now + milliseconds(502) + seconds(3));
}

TEST_F(DrainTest, WhoComesInSpiteOfItIsSentAwayAtOnce) {
  BeginDrain(minutes(1));
  Open();
  gateway_.Tick();
  EXPECT_EQ(CountClosed(), 1U);
}

TEST_F(DrainTest, ASecondDrainChangesNothing) {
  Open(1'000);
  BeginDrain(seconds(1));
  const auto deadline = gateway_.table.drain_deadline();
  gateway_.Tick();
  BeginDrain(seconds(0));
  EXPECT_EQ(gateway_.table.drain_deadline(), deadline);
  gateway_.Tick();
  EXPECT_NEAR(static_cast<double>(CountClosed()), 200, 1);
}

TEST_F(DrainTest, ACancelledDrainKeepsWhoIsLeft) {
  DrainedClient& writer = Open();
  writer.handler->OnMessage(ClientOp("1"), true);
  BeginDrain(seconds(0));
  gateway_.Tick();
  EXPECT_TRUE(writer.session.paused);  // waits for its ack
  gateway_.table.CancelDrain();
  EXPECT_FALSE(writer.session.paused);
  gateway_.sink.Answer(gateway_.table);
  gateway_.Tick();
  EXPECT_EQ(CountClosed(), 0U);
  EXPECT_FALSE(gateway_.table.draining());
}

TEST_F(DrainTest, TheGaugeSaysWhoIsLeft) {
  const auto remaining = [this] {
    const std::string text = gateway_.registry.Render();
    const std::string name = "\ngateway_drain_connections_remaining ";
    return std::stod(text.substr(text.find(name) + name.size()));
  };
  DrainedClient& writer = Open();
  writer.handler->OnMessage(ClientOp("1"), true);
  gateway_.Tick();
  EXPECT_EQ(remaining(), 0);
  BeginDrain(seconds(0));
  gateway_.Tick();
  EXPECT_EQ(remaining(), 1);
  gateway_.table.CancelDrain();
  gateway_.Tick();
  EXPECT_EQ(remaining(), 0);
}

class AgeTest : public DrainTest {
 protected:
  AgeTest() : DrainTest(Options()) {}

  static DispatchOptions Options() {
    DispatchOptions options;
    options.connection_age_max = seconds(100);
    options.idle_timeout = hours(1);
    return options;
  }
};

TEST_F(AgeTest, ConnectionsGoAtTheirAgeGiveOrTakeAFifth) {
  Open(1'000);
  gateway_.Tick(seconds(79));
  for (int tick = 0; tick < 9; ++tick) gateway_.Tick();
  EXPECT_EQ(CountClosed(CloseCause::kAged), 0U);
  gateway_.Tick(seconds(20));
  for (int tick = 0; tick < 50; ++tick) gateway_.Tick();
  const size_t half_way = CountClosed(CloseCause::kAged);
  EXPECT_GT(half_way, 0U);
  EXPECT_LT(half_way, 1'000U);
}

TEST_F(AgeTest, NotAllAtOnceEvenWhenAllAreDue) {
  Open(1'000);
  gateway_.Tick(seconds(121));
  size_t most = 0;
  size_t closed = 0;
  for (int tick = 0; tick < 100 && closed < clients_.size(); ++tick) {
    gateway_.Tick();
    const size_t now_closed = CountClosed(CloseCause::kAged);
    most = std::max(most, now_closed - closed);
    closed = now_closed;
  }
  EXPECT_EQ(closed, clients_.size());
  EXPECT_EQ(most, Departures::kAgedPerTick);
}

TEST_F(AgeTest, ItsAcksLeaveFirst) {
  DrainedClient& writer = Open();
  writer.handler->OnMessage(ClientOp("1"), true);
  gateway_.Tick(seconds(121));
  for (int tick = 0; tick < 6; ++tick) gateway_.Tick();
  EXPECT_FALSE(writer.session.closed);
  EXPECT_TRUE(writer.session.paused);
  gateway_.sink.Answer(gateway_.table);
  gateway_.Tick();
  EXPECT_EQ(writer.session.closed, CloseCause::kAged);
}

}  // namespace
}  // namespace topgun::gateway
