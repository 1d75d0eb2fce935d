// Queries with a limit: pages, and live windows of the best rows (features.md 1.2, 1.7, 1.10).
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "gateway_live_query_fixture.h"

namespace topgun::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

using Client = QueryClient;

constexpr std::string_view kBestTwo = R"({"sort":[{"field":"n","direction":"asc"}],"limit":2})";

std::string N(int n) { return R"({"n":)" + std::to_string(n) + "}"; }

class LiveWindowTest : public LiveQueryTest {
 protected:
  using LiveQueryTest::LiveQueryTest;

  static std::string CursorOf(const Client& client) {
    wire::ServerFrame frame;
    EXPECT_TRUE(wire::DecodeServerFrame(client.session.frames.back(), frame).ok());
    return std::string(frame.query_resp.next_cursor.value_or("none"));
  }
  static std::string After(const std::string& cursor) {
    return R"({"sort":[{"field":"n","direction":"asc"}],"limit":2,"cursor":")" + cursor + R"("})";
  }
};

TEST_F(LiveWindowTest, APageIsCutFromWhatWasRead) {
  Client client(gateway_);
  Ask(client, "q", kBestTwo);
  EXPECT_EQ(gateway_.reader.asked.rows_max, 18U) << "and a reserve";
  Answer({{"a", N(1)}, {"b", N(2)}, {"d", N(3)}});
  EXPECT_NE(CursorOf(client), "none");
  EXPECT_EQ(client.Told(), "resp:q[a b]+");
}

TEST_F(LiveWindowTest, WithoutMoreRowsThereIsNoCursor) {
  Client client(gateway_);
  Ask(client, "q", kBestTwo);
  Answer({{"a", N(1)}, {"b", N(2)}});
  EXPECT_EQ(CursorOf(client), "none");
  EXPECT_EQ(client.Told(), "resp:q[a b]");
}

// live-query-limit-clamp
TEST_F(LiveWindowTest, ABetterRowPushesTheWorstOneOut) {
  Client client(gateway_);
  Settle(client, kBestTwo, {{"a", N(1)}, {"b", N(2)}, {"d", N(3)}});
  Put("c", N(0));
  EXPECT_EQ(client.Heard(), "event:PUT:c q:LEAVE:b q:ENTER:c");
  Put("e", N(9));
  EXPECT_EQ(client.Heard(), "event:PUT:e");
  Put("a", N(1));
  EXPECT_EQ(client.Told(), "q:UPDATE:a");
  Remove("c");
  EXPECT_EQ(ValueOf(client, "b"), N(2));
  EXPECT_EQ(client.Told(), "q:LEAVE:c q:ENTER:b");
}

TEST_F(LiveWindowTest, TheWriterHearsWhatItsChangeMeansForOthers) {
  Client writer(gateway_);
  Settle(writer, kBestTwo, {{"a", N(1)}, {"b", N(2)}, {"d", N(3)}});
  writer.Write("x");
  writer.Heard();
  Put("c", N(0), {.origin = writer.origin});
  EXPECT_EQ(writer.Heard(), "q:LEAVE:b");
  Remove("c", {.origin = writer.origin});
  EXPECT_EQ(writer.Heard(), "q:ENTER:b");
}

TEST_F(LiveWindowTest, WithoutAnOrderKeysDecide) {
  Client client(gateway_);
  Settle(client, R"({"limit":2})", {{"b", "1"}, {"d", "1"}, {"e", "1"}});
  Put("c", "1");
  EXPECT_EQ(client.Told(), "q:LEAVE:d q:ENTER:c");
}

TEST_F(LiveWindowTest, FieldsThatAreNotSentDecideAllTheSame) {
  Client client(gateway_);
  Ask(client, "q", kBestTwo, R"(["name"])");
  Answer({{"a", R"({"n":1,"name":"A"})"}, {"b", R"({"n":2,"name":"B"})"}});
  EXPECT_EQ(ValueOf(client, "a"), R"({"name":"A"})");
  client.Heard();
  Put("c", R"({"n":0,"name":"C"})");
  EXPECT_EQ(ValueOf(client, "c"), R"({"name":"C"})");
  EXPECT_EQ(client.Told(), "q:LEAVE:b q:ENTER:c");
}

TEST_F(LiveWindowTest, TheNextPageBeginsBehindTheLastRow) {
  Client client(gateway_);
  Ask(client, "q", kBestTwo, R"(["name"])");
  Answer({{"a", R"({"n":1})"}, {"b", R"({"n":2})"}}, 5, true);
  const std::string cursor = CursorOf(client);
  EXPECT_EQ(client.Told(), "resp:q[a b]+");
  Ask(client, "more", After(cursor), R"(["name"])");
  std::string rank;
  const auto order = query::SortOrder::Parse(query::Pack(R"([{"field":"n","direction":"asc"}])"));
  order->AppendRank("b", query::Pack(R"({"n":2})"), rank);
  EXPECT_EQ(gateway_.reader.asked.after, rank) << "of the whole record";
  Answer({{"c", R"({"n":2})"}});
  EXPECT_EQ(client.Told(), "resp:more[c]valid");
  Put("before", N(1));
  EXPECT_EQ(client.Told(), "q:LEAVE:b q:ENTER:before") << "not of the second page";
  Put("c", N(0));
  EXPECT_EQ(client.Told(), "q:LEAVE:before q:ENTER:c more:LEAVE:c") << "it is before the page now";
}

TEST_F(LiveWindowTest, CursorsExpireAndBelongToTheirQuery) {
  Client client(gateway_);
  Ask(client, "q", kBestTwo);
  Answer({{"a", N(1)}, {"b", N(2)}}, 5, true);
  const std::string cursor = CursorOf(client);
  client.Told();
  Ask(client, "other", R"({"limit":2,"cursor":")" + cursor + R"("})");
  EXPECT_EQ(client.Told(), "resp:other[]invalid");
  Ask(client, "nonsense", After("!"));
  EXPECT_EQ(client.Told(), "resp:nonsense[]invalid");
  gateway_.clock.Advance(600'001);
  Ask(client, "late", After(cursor));
  EXPECT_EQ(client.Told(), "resp:late[]expired");
  EXPECT_TRUE(gateway_.reader.reads.empty());
  Put("a", N(0));
  EXPECT_EQ(client.Heard(), "event:PUT:a q:UPDATE:a") << "nothing else is live";
}

// Whoever came in time is followed; a late one has the same text.
TEST_F(LiveWindowTest, ACursorThatHasExpiredSinceIsNotSharedWithThoseBefore) {
  Client first(gateway_);
  Client second(gateway_);
  Ask(first, "q", kBestTwo);
  Answer({{"a", N(1)}, {"b", N(2)}}, 5, true);
  const std::string cursor = CursorOf(first);
  first.Told();
  Ask(first, "more", After(cursor));
  Answer({{"c", N(3)}});
  EXPECT_EQ(first.Told(), "resp:more[c]valid");
  gateway_.clock.Advance(600'001);
  Ask(second, "more", After(cursor));
  EXPECT_EQ(second.Told(), "resp:more[]expired");
}

TEST_F(LiveWindowTest, NothingButWhetherThereAreRows) {
  Client client(gateway_);
  Ask(client, "q", R"({"limit":0})");
  EXPECT_EQ(gateway_.reader.asked.rows_max, 1U);
  Answer({{"a", "1"}}, 5, true);
  EXPECT_EQ(CursorOf(client), "none");
  EXPECT_EQ(client.Told(), "resp:q[]+");
  Put("b", "1");
  EXPECT_EQ(client.Told(), "");
  EXPECT_EQ(Metric("gateway_live_query_evaluations_total"), 0);
  Ask(client, "r", R"({"where":{"x":1},"limit":0})");
  Answer({});
  EXPECT_EQ(client.Told(), "resp:r[]");
}

TEST_F(LiveWindowTest, TheLimitIsCapped) {
  Client client(gateway_);
  Ask(client, "q", R"({"limit":4000000000})");
  EXPECT_EQ(gateway_.reader.asked.rows_max, 10'000U);
}

TEST_F(LiveWindowTest, AReserveThatIsUsedUpIsReadAgain) {
  Client client(gateway_);
  Rows rows;
  for (int i = 0; i < 18; ++i) rows.emplace_back("k" + std::to_string(10 + i), N(i));
  Settle(client, kBestTwo, rows, true);
  for (int i = 17; i > 5; --i) Remove("k" + std::to_string(10 + i));
  gateway_.Tick(seconds(2));
  EXPECT_TRUE(gateway_.reader.reads.empty()) << "the page and a quarter of the reserve are left";
  Remove("k15");
  ASSERT_EQ(gateway_.reader.reads.size(), 1U);
  EXPECT_EQ(client.Told(), "");
  for (int i = 1; i < 5; ++i) Remove("k" + std::to_string(10 + i));
  EXPECT_EQ(client.Told(),
            "q:LEAVE:k11 q:ENTER:k12 q:LEAVE:k12 q:ENTER:k13 q:LEAVE:k13 "
            "q:ENTER:k14 q:LEAVE:k14");
  Answer({{"k10", N(0)}, {"k14", N(4)}, {"z", N(50)}}, 18 + 3);
  EXPECT_EQ(client.Told(), "q:ENTER:z") << "k14 was removed behind the snapshot";
  EXPECT_EQ(Metric("gateway_live_query_rereads_total", "reserve"), 1);
}

TEST_F(LiveWindowTest, ReadsForTheReserveArePaced) {
  Client client(gateway_);
  Settle(client, kBestTwo, {{"a", N(1)}, {"b", N(2)}}, true);
  Remove("a");
  EXPECT_TRUE(gateway_.reader.reads.empty()) << "it was just read";
  gateway_.Tick(milliseconds(900));
  EXPECT_TRUE(gateway_.reader.reads.empty());
  gateway_.Tick(milliseconds(100));
  ASSERT_EQ(gateway_.reader.reads.size(), 1U);
  gateway_.Tick(seconds(1));  // the read takes so long
  Answer({{"b", N(2)}, {"c", N(3)}}, 6, true);
  EXPECT_EQ(client.Told(), "q:LEAVE:a q:ENTER:c");
  Remove("c");
  gateway_.Tick(milliseconds(9'900));
  EXPECT_TRUE(gateway_.reader.reads.empty()) << "ten times as long is left to others";
  Client joining(gateway_);
  Ask(joining, "q", kBestTwo);
  EXPECT_EQ(gateway_.reader.reads.size(), 1U) << "but nobody has to wait for an answer";
}

TEST_F(LiveWindowTest, ASnapshotForOneTellsTheOthersWhatDiffers) {
  Client first(gateway_);
  Client second(gateway_);
  Settle(first, kBestTwo, {{"a", N(1)}, {"b", N(2)}});
  Ask(second, "r", kBestTwo);
  Put("c", N(3), {.n = 6});
  // Ahead of the changes that were heard of so far.
  Answer({{"a", N(1)}, {"x", N(2)}, {"b", N(5)}}, 8);
  EXPECT_EQ(second.Told(), "resp:r[a x]+");
  EXPECT_EQ(first.Told(), "q:LEAVE:b q:ENTER:x");
  Put("x", N(2), {.n = 7});
  Put("b", N(5), {.n = 8});
  EXPECT_EQ(first.Told() + second.Told(), "") << "told already";
  Put("c", N(0), {.n = 9});
  EXPECT_EQ(first.Told(), "q:LEAVE:x q:ENTER:c");
  EXPECT_EQ(second.Told(), "r:LEAVE:x r:ENTER:c");
}

// It has been told an older value than the one that it has just written.
TEST_F(LiveWindowTest, AWriterIsToldOfItsKeyOnceASnapshotWas) {
  Client writer(gateway_);
  Client other(gateway_);
  writer.Write("x");
  gateway_.sink.Answer(gateway_.table);
  Settle(writer, kBestTwo, {{"a", N(1)}});
  Ask(other, "r", kBestTwo);
  Answer({{"a", N(2)}}, 6);  // its change to 2 has not been heard of, that to 3 is on its way
  EXPECT_EQ(writer.Told(), "q:UPDATE:a");
  Put("a", N(2), {.origin = writer.origin, .n = 6});
  EXPECT_EQ(writer.Told(), "");
  Put("a", N(3), {.origin = writer.origin, .n = 7});
  EXPECT_EQ(ValueOf(writer, "a"), N(3));
  EXPECT_EQ(writer.Told(), "q:UPDATE:a");
  Put("a", N(4), {.origin = writer.origin, .n = 8});
  EXPECT_EQ(writer.Told(), "");
}

TEST_F(LiveWindowTest, ChangesDuringTheReadAreAppliedBehindIt) {
  Client client(gateway_);
  Ask(client, "q", kBestTwo);
  Put("in", N(1), {.n = 5});
  Put("best", N(0), {.n = 6});
  Remove("in", {.n = 7});
  Answer({{"in", N(1)}, {"b", N(2)}, {"c", N(3)}}, 5);
  EXPECT_EQ(client.Told(), "resp:q[in b]+ q:LEAVE:b q:ENTER:best q:LEAVE:in q:ENTER:b");
}

TEST_F(LiveWindowTest, AfterAGapTheRowsAreSentAgain) {
  Client client(gateway_);
  Settle(client, kBestTwo, {{"a", N(1)}, {"b", N(2)}});
  gateway_.fan_out.OnGap(0);
  gateway_.fan_out.OnProgress();
  Answer({{"b", N(2)}, {"c", N(3)}}, 9);
  EXPECT_EQ(client.Told(), "resp:q[b c]");
  Put("a", N(0));
  EXPECT_EQ(client.Told(), "") << "the snapshot includes it";
  Put("a", N(0), {.n = 10});
  EXPECT_EQ(client.Told(), "q:LEAVE:c q:ENTER:a");
}

TEST_F(LiveWindowTest, ARowThatExpiresIsReplacedByTheNextOne) {
  Client client(gateway_);
  Ask(client, "q", kBestTwo);
  Answer({{"a", N(1)}, {"b", N(2)}, {"c", N(3)}}, 5, false,
         {{"a", 1'700'000'000'050.0}, {"c", 1'700'000'000'150.0}});
  client.Told();
  gateway_.clock.Advance(51);
  gateway_.Tick();
  EXPECT_EQ(client.Told(), "q:LEAVE:a q:ENTER:c");
  gateway_.clock.Advance(100);
  gateway_.Tick();
  EXPECT_EQ(client.Told(), "q:LEAVE:c");
}

}  // namespace
}  // namespace topgun::gateway
