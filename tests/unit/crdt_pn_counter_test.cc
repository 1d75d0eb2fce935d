#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "crdt/pn_counter.h"
#include "support/random.h"
#include "support/vectors.h"

namespace topgun::crdt {
namespace {

PnCounter RandomCounter(support::Random& random) {
  PnCounter counter;
  for (uint64_t i = random.Below(10); i > 0; --i) {
    const std::string node(1, static_cast<char>('a' + random.Below(4)));
    counter.Add(node, static_cast<double>(random.Between(-8, 8)) / 4);
  }
  return counter;
}

PnCounter Joined(PnCounter a, const PnCounter& b) {
  a.Merge(b);
  return a;
}

TEST(PnCounter, MergeIsAJoin) {
  support::Random random(support::TestSeed());
  for (int i = 0; i < 2000; ++i) {
    const PnCounter a = RandomCounter(random);
    const PnCounter b = RandomCounter(random);
    const PnCounter c = RandomCounter(random);
    ASSERT_EQ(Joined(a, b), Joined(b, a));
    ASSERT_EQ(Joined(Joined(a, b), c), Joined(a, Joined(b, c)));
    PnCounter again = Joined(a, b);
    ASSERT_FALSE(again.Merge(b));
    ASSERT_FALSE(again.Merge(a));
  }
}

TEST(PnCounter, EveryNodeCountsOnce) {
  support::Random random(support::TestSeed());
  std::vector<PnCounter> replicas(3);
  double expected = 0;
  for (int i = 0; i < 1000; ++i) {
    const size_t node = random.Below(replicas.size());
    const auto delta = static_cast<double>(random.Between(-5, 5));
    replicas[node].Add(std::to_string(node), delta);
    expected += delta;
    replicas[random.Below(replicas.size())].Merge(replicas[random.Below(replicas.size())]);
  }
  for (PnCounter& to : replicas) {
    for (const PnCounter& from : std::vector<PnCounter>(replicas)) to.Merge(from);
  }
  for (const PnCounter& replica : replicas) EXPECT_EQ(replica.Value(), expected);
}

StatusOr<PnCounter> DecodeJson(std::string_view json) {
  return PnCounter::Decode(support::ToMsgpack(support::ParseJson(json)));
}

TEST(PnCounter, ReadsBothSpellingsAndTheLargerOfBoth) {
  const StatusOr<PnCounter> counter = DecodeJson(
      R"({"p":{"a":1,"b":5},"positive":{"a":2,"b":4},"negative":{"c":1},"other":[{}],"n":{}})");
  ASSERT_TRUE(counter.ok());
  EXPECT_EQ(counter->positive(), (PnCounter::Amounts{{"a", 2}, {"b", 5}}));
  EXPECT_EQ(counter->negative(), (PnCounter::Amounts{{"c", 1}}));
}

TEST(PnCounter, RefusesWhatIsNoState) {
  for (const std::string_view json :
       {"1", "[]", R"({"p":1})", R"({"p":{"a":"1"}})", R"({"n":{"a":null}})"}) {
    EXPECT_FALSE(DecodeJson(json).ok()) << json;
  }
  EXPECT_FALSE(PnCounter::Decode("").ok());
  EXPECT_FALSE(PnCounter::Decode("\x80\x80").ok());
  EXPECT_TRUE(PnCounter::Decode("\x80").ok());
}

TEST(PnCounter, IgnoresAmountsThatCannotBeCounted) {
  PnCounter counter;
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_FALSE(counter.Merge(PnCounter({{"a", infinity}, {"b", -1}, {"c", std::nan("")}}, {})));
  EXPECT_EQ(counter.Value(), 0);
}

TEST(PnCounter, OneNodeIsRaisedAsByAMerge) {
  support::Random random(support::TestSeed());
  PnCounter raised;
  PnCounter merged;
  for (int i = 0; i < 500; ++i) {
    const std::string node(1, static_cast<char>('a' + random.Below(4)));
    const auto positive = static_cast<double>(random.Between(-2, 9));
    const auto negative = static_cast<double>(random.Between(-2, 9));
    ASSERT_EQ(raised.Raise(node, positive, negative),
              merged.Merge(PnCounter({{node, positive}}, {{node, negative}})));
    ASSERT_EQ(raised, merged);
  }
}

TEST(PnCounter, WhatIsBeyondIsWhatAMergeNeeds) {
  support::Random random(support::TestSeed());
  for (int i = 0; i < 500; ++i) {
    const PnCounter a = RandomCounter(random);
    const PnCounter b = RandomCounter(random);
    const PnCounter beyond = a.Beyond(b);
    ASSERT_EQ(Joined(b, beyond), Joined(b, a));
    ASSERT_EQ(beyond.empty(), Joined(b, a) == b);
    ASSERT_EQ(beyond.Beyond(b), beyond) << "no entry is superfluous";
    ASSERT_LE(beyond.amounts(), a.amounts());
  }
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(PnCounter({{"a", infinity}, {"b", -1}, {"c", 0}}, {}).Beyond({}).empty());
}

TEST(PnCounter, ListsOfAmountsAreLimited) {
  const std::string state = support::ToMsgpack(support::ParseJson(
      R"({"p":{"a":1,"b":5},"positive":{"a":2},"negative":{"c":1},"other":{"x":1}})"));
  EXPECT_TRUE(PnCounter::Decode(state, 4).ok());
  EXPECT_EQ(PnCounter::Decode(state, 3).status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(PnCounter::Decode("\x81\xa1p\x82\xa1\x61\x01", 1).status().code(),
            StatusCode::kInvalidArgument)
      << "cut off";
}

TEST(PnCounter, WireFormHasBothSpellings) {
  PnCounter counter;
  counter.Add("n1", 2);
  counter.Add("n1", -1);
  std::string bytes;
  msgpack::Writer writer(bytes, msgpack::Rendering::kClient);
  counter.EncodeWire(writer);
  EXPECT_EQ(bytes, support::ToMsgpack(support::ParseJson(
                       R"({"p":{"n1":2},"n":{"n1":1},"positive":{"n1":2},"negative":{"n1":1}})")));
}

}  // namespace
}  // namespace topgun::crdt
