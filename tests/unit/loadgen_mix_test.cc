// Which operations a connection makes: mixes, TTLs, preloading, reads, clocks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "driver/querier.h"
#include "wire/client_encode.h"
#include "wire/client_frame.h"
#include "workload/op_mix.h"
#include "workload/op_source.h"
#include "workload/value_maker.h"
#include "workload/value_size.h"

namespace topgun::loadgen {
namespace {

using testing::HasSubstr;
using wire::OpKind;

constexpr int64_t kNowMs = 1'700'000'000'000;

OpMix Mix(const std::string& text) { return *ParseOpMix(text); }

TEST(OpMixTest, WeightsAreReadAndWrittenBack) {
  const OpMix mix = Mix("put=60,remove=10,or-add=20,or-remove=10,query=5");
  EXPECT_EQ(mix.writes(), 100U);
  EXPECT_EQ(mix.reads(), 5U);
  EXPECT_EQ(mix.Maps(), MapType::kMixed);
  EXPECT_EQ(mix.Text(), "put=60,remove=10,or-add=20,or-remove=10,query=5");
  EXPECT_EQ(mix.WriteAt(59), OpKind::kPut);
  EXPECT_EQ(mix.WriteAt(60), OpKind::kRemove);
  EXPECT_EQ(mix.WriteAt(70), OpKind::kOrAdd);
  EXPECT_EQ(mix.WriteAt(99), OpKind::kOrRemove);
}

TEST(OpMixTest, KindsDecideWhichMapsAreNeeded) {
  EXPECT_EQ(Mix("put=1,remove=1").Maps(), MapType::kLww);
  EXPECT_EQ(Mix("query=1").Maps(), MapType::kLww);
  EXPECT_EQ(Mix("or-add=1").Maps(), MapType::kOr);
  EXPECT_EQ(Mix("or-add=1,rmw=1").Maps(), MapType::kMixed);
  EXPECT_EQ(OpMix().Maps(), MapType::kLww);
}

TEST(OpMixTest, MistakesAreNamed) {
  EXPECT_THAT(std::string(Message(ParseOpMix("put=1,get=2").status())), HasSubstr("'get'"));
  EXPECT_THAT(std::string(Message(ParseOpMix("put=x").status())), HasSubstr("put=WEIGHT"));
  EXPECT_THAT(std::string(Message(ParseOpMix("put=").status())), HasSubstr("put=WEIGHT"));
  EXPECT_THAT(std::string(Message(ParseOpMix("put=-1").status())), HasSubstr("put=WEIGHT"));
  EXPECT_FALSE(ParseOpMix("").ok());
  EXPECT_FALSE(ParseOpMix("put=0").ok());
  EXPECT_FALSE(ParseOpMix("or-remove=1").ok());
}

OpSource::Spec SpecOf(const std::string& mix) {
  OpSource::Spec spec;
  spec.keys = {.keys = 10};
  spec.seed = 1;
  spec.mix = Mix(mix);
  return spec;
}

TEST(OpSourceMixTest, KindsComeByWeightAndGoToMapsOfTheirType) {
  const KeySpace keys("load", MapType::kMixed, 4, 10);
  OpSource source(keys, SpecOf("put=60,remove=10,or-add=30"), "node");
  std::array<int, 4> counts{};
  for (int i = 0; i < 10'000; ++i) {
    const Op op = source.Next(kNowMs);
    const bool is_or = op.kind == OpKind::kOrAdd || op.kind == OpKind::kOrRemove;
    EXPECT_EQ(keys.maps()[op.map].is_or, is_or);
    ++counts.at(static_cast<size_t>(op.kind));
  }
  EXPECT_NEAR(counts[0], 6'000, 250);
  EXPECT_NEAR(counts[1], 1'000, 150);
  EXPECT_NEAR(counts[2], 3'000, 250);
}

TEST(OpSourceMixTest, TheSameSeedMakesTheSameWork) {
  const KeySpace keys("load", MapType::kMixed, 4, 10);
  const OpSource::Spec spec = SpecOf("put=60,remove=10,or-add=20,or-remove=10");
  OpSource a(keys, spec, "node");
  OpSource b(keys, spec, "node");
  for (int i = 0; i < 200; ++i) {
    const Op left = a.Next(kNowMs);
    const Op right = b.Next(kNowMs);
    EXPECT_EQ(std::tuple(left.kind, left.map, left.key),
              std::tuple(right.kind, right.map, right.key));
  }
}

TEST(OpSourceMixTest, AShareOfTheRecordsGetsATtl) {
  const KeySpace keys("load", MapType::kMixed, 2, 10);
  OpSource::Spec spec = SpecOf("put=1,remove=1,or-add=1");
  spec.ttl_ratio = 0.25;
  spec.ttl_ms = 1'500;
  OpSource source(keys, spec, "node");
  int records = 0;
  int with_ttl = 0;
  for (int i = 0; i < 6'000; ++i) {
    const Op op = source.Next(kNowMs);
    if (op.kind == OpKind::kRemove) {
      EXPECT_EQ(op.ttl_ms, 0U);
      continue;
    }
    ++records;
    if (op.ttl_ms == 0) continue;
    EXPECT_EQ(op.ttl_ms, 1'500U);
    ++with_ttl;
  }
  EXPECT_NEAR(with_ttl, records / 4, 150);
}

TEST(OpSourceMixTest, PreloadingWritesEveryKeyOnce) {
  const KeySpace keys("load", MapType::kMixed, 3, 7);
  std::set<std::pair<uint32_t, uint64_t>> written;
  uint64_t total = 0;
  for (uint64_t connection = 0; connection < 4; ++connection) {
    OpSource source(keys, SpecOf("put=1,or-add=1"), "node");
    const uint64_t share = source.StartPreload(connection, 4);
    total += share;
    for (uint64_t i = 0; i < share; ++i) {
      EXPECT_TRUE(source.preloading());
      const Op op = source.Next(kNowMs);
      EXPECT_EQ(op.kind, keys.maps()[op.map].is_or ? OpKind::kOrAdd : OpKind::kPut);
      EXPECT_TRUE(written.emplace(op.map, op.key).second);
    }
    EXPECT_FALSE(source.preloading());
  }
  EXPECT_EQ(total, 21U);
  EXPECT_EQ(written.size(), 21U);
}

TEST(OpSourceMixTest, MoreConnectionsThanKeysLeaveSomeWithoutAPreload) {
  const KeySpace keys("load", MapType::kLww, 1, 2);
  OpSource source(keys, SpecOf("put=1"), "node");
  EXPECT_EQ(source.StartPreload(2, 5), 0U);
  EXPECT_FALSE(source.preloading());
}

TEST(OpSourceMixTest, ReadsAreOfLwwMapsAndCanBeWrittenAgain) {
  const KeySpace keys("load", MapType::kMixed, 4, 10);
  OpSource source(keys, SpecOf("rmw=1,or-add=1"), "node");
  for (int i = 0; i < 100; ++i) {
    const OpSource::Read read = source.NextRead();
    EXPECT_FALSE(keys.maps()[read.map].is_or);
    EXPECT_LT(read.key, 10U);
  }
  const Op put = source.NextPut(kNowMs, 2, 5);
  EXPECT_EQ(std::tuple(put.kind, put.map, put.key, put.id), std::tuple(OpKind::kPut, 2U, 5U, 1U));
}

TEST(OpSourceMixTest, ASkewedClockStampsItsOwnTime) {
  const KeySpace keys("load", MapType::kLww, 1, 10);
  OpSource::Spec spec = SpecOf("put=1");
  spec.clock_offset_ms = -2'000;
  OpSource source(keys, spec, "node");
  EXPECT_EQ(source.Next(kNowMs).stamp.millis, kNowMs - 2'000);
}

TEST(QueryTest, RowsDecideWhatIsAsked) {
  for (const auto& [rows, predicate, limit] :
       {std::tuple<uint32_t, std::string, std::optional<uint32_t>>{1, "eq", {}},
        {25, "gte", 25U},
        {0, "", {}}}) {
    const std::string query = QueryFrom(7, rows);
    wire::QuerySubFrame frame;
    frame.query_id = "q1";
    frame.map = "m";
    frame.query = query;
    std::string bytes;
    wire::EncodeQuerySub(frame, bytes);
    wire::ClientFrame decoded;
    ASSERT_TRUE(wire::Decode(bytes, decoded).ok());
    EXPECT_EQ(decoded.query_sub.limit, limit);
    EXPECT_EQ(decoded.query_sub.predicate.empty(), predicate.empty());
    if (predicate.empty()) continue;
    EXPECT_THAT(std::string(decoded.query_sub.predicate), HasSubstr(predicate));
    EXPECT_THAT(std::string(decoded.query_sub.predicate), HasSubstr("key-0000000007"));
  }
}

TEST(ValueSizeTest, TextsAreReadAndWrittenBack) {
  for (const char* text : {"fixed:200", "uniform:100-1000", "lognormal:300:1.2"}) {
    const auto size = ParseValueSize(text);
    ASSERT_TRUE(size.ok()) << text;
    EXPECT_EQ(size->Text(), text);
  }
  EXPECT_EQ(ParseValueSize("500")->Text(), "fixed:500");
  for (const char* bad : {"", "10", "fixed:x", "uniform:100", "uniform:300-200", "lognormal:300",
                          "lognormal:300:0", "lognormal:300:x", "2000000", "normal:100"}) {
    EXPECT_FALSE(ParseValueSize(bad).ok()) << bad;
  }
}

TEST(ValueSizeTest, QuantilesFollowTheDistribution) {
  EXPECT_EQ(ParseValueSize("uniform:100-300")->Quantile(0.5), 200U);
  const ValueSize lognormal = *ParseValueSize("lognormal:1000:1");
  EXPECT_EQ(lognormal.Quantile(0.5), 1'000U);
  // One standard deviation is a factor of e.
  EXPECT_NEAR(static_cast<double>(lognormal.Quantile(0.841345)), 2'718, 2);
  EXPECT_EQ(lognormal.Quantile(1e-9), ValueSize::kBytesMin);
  EXPECT_EQ(ParseValueSize("lognormal:1000:10")->Quantile(0.99), ValueSize::kBytesMax);
}

TEST(ValueSizeTest, ValuesHaveTheSizesOfTheDistribution) {
  for (const ValueKind kind : {ValueKind::kJson, ValueKind::kText, ValueKind::kBlob}) {
    const ValueMaker maker(kind, *ParseValueSize("uniform:100-900"), 1);
    double sum = 0;
    std::set<size_t> sizes;
    for (uint64_t id = 1; id <= 640; ++id) {
      std::string value;
      maker.Append({{1, 2, id}, kNowMs * 1'000}, value);
      EXPECT_EQ(ValueMaker::Read(value)->identity.op_id, id);
      sum += static_cast<double>(value.size());
      sizes.insert(value.size());
    }
    EXPECT_NEAR(sum / 640, 500, 5);
    EXPECT_GT(sizes.size(), 50U);
    EXPECT_LT(*sizes.begin(), 110U);
    EXPECT_GT(*sizes.rbegin(), 890U);
  }
}

}  // namespace
}  // namespace topgun::loadgen
