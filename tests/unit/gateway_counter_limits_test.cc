// What clients may count, and how much of it.
#include <gtest/gtest.h>

#include "gateway_counter_fixture.h"

namespace topgun::gateway {
namespace {

using crdt::PnCounter;

std::string Nodes(size_t count, const std::string& prefix = "n") {
  std::string nodes;
  for (size_t i = 0; i < count; ++i) {
    nodes.append(nodes.empty() ? "" : ",").append("\"").append(prefix);
    nodes.append(std::to_string(i)).append("\":1");
  }
  return R"({"p":{)" + nodes + R"(},"n":{}})";
}

TEST_F(CountersTest, NamesAndStatesAreChecked) {
  CounterClient client(gateway_);
  client.Request(std::string(1'025, 'x'));
  client.Request("_topgun_policies");
  client.Request("");
  client.Sync("{}", "_topgun_policies");
  EXPECT_EQ(client.Heard(), "error:400 error:400 error:400 error:400");
  client.Sync(R"({"p":{"n1":"1"}})");
  client.Sync(R"({"p":1})");
  client.Sync(R"({"p":{")" + std::string(257, 'n') + R"(":1}})");
  client.Sync(R"({"n":{")" + std::string(257, 'n') + R"(":1}})");
  EXPECT_EQ(client.Heard(), "error:400 error:400 error:400 error:400");
  EXPECT_EQ(gateway_.counters.size(), 0U);
}

class FewCountersTest : public CountersTest {
 protected:
  FewCountersTest() : CountersTest({.per_connection_max = 2}) {}
};

TEST_F(FewCountersTest, AConnectionFollowsOnlySoMany) {
  CounterClient client(gateway_);
  client.Request("a");
  client.Sync("{}", "b");
  client.Request("a");
  EXPECT_EQ(client.Heard(), "");
  client.Request("c");
  client.Sync("{}", "c");
  EXPECT_EQ(client.Heard(), "error:429 error:429");
  EXPECT_TRUE(Shows("gateway_counter_refused_total{limit=\"per_connection\"} 2"));
  CounterClient other(gateway_);
  other.Request("c");
  EXPECT_EQ(other.Heard(), "");
  EXPECT_EQ(gateway_.counters.size(), 3U);
}

class SmallCountersTest : public CountersTest {
 protected:
  SmallCountersTest() : CountersTest({.amounts_max = 5}) {}
};

TEST_F(SmallCountersTest, AFrameListsOnlySoMany) {
  CounterClient client(gateway_);
  client.Sync(Nodes(11));
  EXPECT_EQ(client.Heard(), "error:413");
  EXPECT_TRUE(Shows("gateway_counter_refused_total{limit=\"size\"} 1"));
  EXPECT_EQ(gateway_.counters.size(), 0U);
}

TEST_F(SmallCountersTest, OnlySoManyNodesCount) {
  CounterClient client(gateway_);
  client.Sync(Nodes(6));
  EXPECT_EQ(client.Heard(), "error:413");
  client.Sync(Nodes(3));
  client.Sync(Nodes(3));
  client.Sync(Nodes(2, "m"));
  EXPECT_EQ(client.Heard(), "");
  client.Sync(Nodes(1, "x"));
  EXPECT_EQ(client.Heard(), "error:413");
  AnswerRead({});
  AnswerWrites();
  client.Sync(R"({"p":{"n0":7},"n":{}})");
  EXPECT_EQ(Submitted(), "likes/n0=7-0") << "who counts already goes on";
  AnswerWrites();
  client.Heard();
  client.Sync(R"({"p":{"x":7},"n":{}})");
  EXPECT_EQ(client.Heard(), "error:413");
}

TEST_F(SmallCountersTest, WhatDoesNotFitIntoTheStateThatIsReadIsGivenUp) {
  CounterClient client(gateway_);
  client.Sync(Nodes(3));
  AnswerRead(PnCounter({{"a", 1}, {"b", 1}, {"c", 1}}, {}));
  EXPECT_EQ(client.Heard(), "error:413 update:a=1-0,b=1-0,c=1-0");
  EXPECT_EQ(Submitted(), "");
}

TEST_F(SmallCountersTest, WhoCountsAlreadyGoesOnInACounterThatOthersLetGrow) {
  CounterClient client(gateway_);
  client.Request();
  PnCounter large;
  for (int i = 0; i < 7; ++i) large.Add("n" + std::to_string(i), 1);
  AnswerRead(large);
  client.Heard();
  client.Sync(R"({"p":{"n3":2},"n":{}})");
  EXPECT_EQ(Submitted(), "likes/n3=2-0");
  client.Sync(R"({"p":{},"n":{"n3":1}})");
  EXPECT_EQ(client.Heard(), "error:413");
}

class ShortStatesTest : public CountersTest {
 protected:
  ShortStatesTest() : CountersTest({.state_bytes_max = 400}) {}
};

TEST_F(ShortStatesTest, AStateGrowsOnlyToWhatCanBeSent) {
  CounterClient client(gateway_);
  client.Request();
  AnswerRead({});
  client.Heard();
  client.Sync(Nodes(3, std::string(20, 'n')));
  EXPECT_EQ(client.Heard(), "");
  AnswerWrites();
  gateway_.Tick();
  EXPECT_NE(client.Heard(), "");
  client.Sync(Nodes(3, std::string(20, 'm')));
  EXPECT_EQ(client.Heard(), "error:413");
}

TEST_F(ShortStatesTest, AStateThatOthersLetGrowTooFarIsNotSent) {
  CounterClient client(gateway_);
  client.Request();
  PnCounter large;
  for (int i = 0; i < 20; ++i) large.Add(std::string(30, 'n') + std::to_string(i), 1);
  AnswerRead(large);
  EXPECT_EQ(client.Heard(), "error:413");
  Happen("x", {1, 0});
  gateway_.Tick();
  EXPECT_EQ(client.Heard(), "");
  EXPECT_TRUE(Shows("gateway_counter_too_large_total 2"));
}

class LittleMemoryTest : public CountersTest {
 protected:
  LittleMemoryTest() : CountersTest({.bytes_max = 2'500}) {}
};

TEST_F(LittleMemoryTest, CountersShareTheMemoryOfTheLoop) {
  CounterClient client(gateway_);
  client.Request("a");
  client.Request("b");
  client.Request("c");
  EXPECT_EQ(client.Heard(), "");
  client.Request("d");
  client.Sync(Nodes(1), "a");
  EXPECT_EQ(client.Heard(), "error:429 error:429");
  EXPECT_TRUE(Shows("gateway_counter_refused_total{limit=\"memory\"} 2"));
  for (int i = 0; i < 3; ++i) AnswerRead({});
  client.Leave();
  EXPECT_TRUE(Shows("gateway_counter_bytes 0"));
}

class FewReadsTest : public CountersTest {
 protected:
  FewReadsTest() : CountersTest({.reads_max = 2, .nodes_per_write = 2}) {}
};

TEST_F(FewReadsTest, OnlySoManyReadsAreOnTheirWay) {
  CounterClient client(gateway_);
  for (const char* const name : {"a", "b", "c"}) client.Request(name);
  EXPECT_EQ(Reads(), 2U);
  AnswerRead({});
  EXPECT_EQ(Reads(), 2U);
  EXPECT_EQ(gateway_.counter_reader.reads.back().first, "c");
}

TEST_F(FewReadsTest, ManyNodesAreWrittenPieceByPiece) {
  CounterClient client(gateway_);
  client.Sync(R"({"p":{"n1":1,"n2":1,"n3":1},"n":{"n0":1,"n2":2}})");
  AnswerRead({});
  EXPECT_EQ(Submitted(), "likes/n0=0-1 likes/n1=1-0");
  AnswerWrites();
  EXPECT_EQ(Submitted(), "likes/n2=1-2 likes/n3=1-0");
  AnswerWrites();
  EXPECT_EQ(Submitted(), "");
  gateway_.Tick();
  EXPECT_NE(client.Heard().find("update:n0=0-1,n1=1-0,n2=1-2,n3=1-0"), std::string::npos);
}

}  // namespace
}  // namespace topgun::gateway
