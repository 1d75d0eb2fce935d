#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "driver/op_log.h"
#include "wire/client_encode.h"
#include "wire/client_frame.h"
#include "workload/key_picker.h"
#include "workload/key_space.h"
#include "workload/op_encoder.h"
#include "workload/op_source.h"
#include "workload/value_maker.h"

namespace topgun::loadgen {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using wire::OpKind;

constexpr uint32_t kWorkloadRun = 0xabc123;
constexpr uint32_t kWriter = 47;
constexpr int64_t kStampedMs = 1'700'000'000'000;
constexpr int64_t kNowUs = kStampedMs * 1'000 + 17;

TEST(KeyPickerTest, UniformReachesEveryKeyAboutEquallyOften) {
  Random random(1);
  KeyPicker picker({.distribution = KeyDistribution::kUniform, .keys = 10});
  std::map<uint64_t, int> counts;
  for (int i = 0; i < 10'000; ++i) ++counts[picker.Next(random)];
  ASSERT_EQ(counts.size(), 10U);
  for (const auto& [key, count] : counts) EXPECT_NEAR(count, 1'000, 200) << key;
}

TEST(KeyPickerTest, ZipfPrefersLowRanksByItsLaw) {
  Random random(1);
  const auto table = std::make_shared<ZipfTable>(1'000, 0.99);
  KeyPicker picker({.distribution = KeyDistribution::kZipf, .keys = 1'000, .zipf = table});
  std::vector<int> counts(1'000);
  for (int i = 0; i < 100'000; ++i) ++counts.at(picker.Next(random));
  // zeta(1000, 0.99) is 7.73: the hottest key gets 12.9 %, the second 6.5 %.
  EXPECT_NEAR(counts[0], 12'900, 500);
  EXPECT_NEAR(counts[1], 6'500, 400);
  EXPECT_GT(counts[0], counts[99] * 20);
}

TEST(KeyPickerTest, SequentialConnectionsShareTheKeysWithoutOverlap) {
  Random random(1);
  std::set<uint64_t> seen;
  for (uint64_t connection = 0; connection < 3; ++connection) {
    KeyPicker picker({.distribution = KeyDistribution::kSequential,
                      .keys = 0,
                      .zipf = nullptr,
                      .first = connection,
                      .stride = 3});
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(seen.insert(picker.Next(random)).second);
  }
  EXPECT_EQ(*seen.rbegin(), 14U);
}

TEST(KeyPickerTest, HotKeysGetTheirShare) {
  Random random(1);
  KeyPicker picker({.distribution = KeyDistribution::kHot,
                    .keys = 100,
                    .zipf = nullptr,
                    .hot_keys = 2,
                    .hot_share = 0.9});
  std::vector<int> counts(100);
  for (int i = 0; i < 20'000; ++i) ++counts.at(picker.Next(random));
  EXPECT_NEAR(counts[0] + counts[1], 18'000, 300);
  EXPECT_NEAR(counts[0], 9'000, 400);
  EXPECT_EQ(std::count(counts.begin(), counts.end(), 0), 0);
}

TEST(KeyPickerTest, PartitionsDoNotOverlapAndCoverAllKeys) {
  Random random(1);
  std::map<uint64_t, std::set<uint64_t>> owners;
  for (uint64_t connection = 0; connection < 3; ++connection) {
    KeyPicker picker({.distribution = KeyDistribution::kPartitioned,
                      .keys = 10,
                      .zipf = nullptr,
                      .first = connection,
                      .stride = 3});
    for (int i = 0; i < 500; ++i) owners[picker.Next(random)].insert(connection);
  }
  EXPECT_EQ(owners.size(), 10U);
  for (const auto& [key, connections] : owners) EXPECT_EQ(connections.size(), 1U) << key;
  // More connections than keys.
  KeyPicker picker({.distribution = KeyDistribution::kPartitioned,
                    .keys = 10,
                    .zipf = nullptr,
                    .first = 23,
                    .stride = 50});
  EXPECT_EQ(picker.Next(random), 3U);
}

TEST(KeyPickerTest, ReadsOfASequenceAreOfWhatWasWrittenLately) {
  Random random(1);
  KeyPicker picker({.distribution = KeyDistribution::kSequential,
                    .keys = 0,
                    .zipf = nullptr,
                    .first = 1,
                    .stride = 4});
  EXPECT_EQ(picker.NextRead(random), 1U);
  for (int i = 0; i < 1'000; ++i) picker.Next(random);
  uint64_t latest = 0;
  for (int i = 0; i < 1'000; ++i) {
    const uint64_t key = picker.NextRead(random);
    EXPECT_EQ(key % 4, 1U);
    latest = std::max(latest, key);
  }
  EXPECT_EQ(latest, 1 + 4 * 999U);
}

TEST(KeySpaceTest, NamesAndNumbersMatch) {
  const KeySpace keys("p", MapType::kMixed, 4, 100);
  EXPECT_EQ(keys.maps()[0].name, "p-lww-0");
  EXPECT_EQ(keys.maps()[1].name, "p-or-1");
  EXPECT_TRUE(keys.maps()[3].is_or);
  EXPECT_EQ(keys.MapOf("p-or-3"), 3U);
  EXPECT_FALSE(keys.MapOf("p-or-5"));
  EXPECT_EQ(KeySpace::KeyName(42), "key-0000000042");
  EXPECT_EQ(KeySpace::KeyOf("key-0000000042"), 42U);
  EXPECT_FALSE(KeySpace::KeyOf("key-000000004x"));
  EXPECT_FALSE(KeySpace::KeyOf("other"));
}

TEST(IdentityTest, NodeIdsAndTagsReadBack) {
  EXPECT_EQ(NodeId(kWorkloadRun, kWriter), "abc123-00002f");
  const auto tag = ParseTag("1700000000000:7:abc123-00002f");
  ASSERT_TRUE(tag);
  EXPECT_EQ(tag->millis, kStampedMs);
  EXPECT_EQ(tag->counter, 7);
  EXPECT_EQ(tag->node.run, kWorkloadRun);
  EXPECT_EQ(tag->node.writer, kWriter);
  for (const char* foreign :
       {"", "1:2", "1:2:client-A", "x:0:abc123-00002f", "1:2:abc123-00002f:3"}) {
    EXPECT_FALSE(ParseTag(foreign)) << foreign;
  }
}

TEST(ValueMakerTest, EveryKindHasItsSizeAndCarriesItsStamp) {
  for (const ValueKind kind : {ValueKind::kJson, ValueKind::kText, ValueKind::kBlob}) {
    for (const size_t bytes : {size_t{64}, size_t{200}, size_t{500}, size_t{70'000}}) {
      const ValueMaker maker(kind, ValueSize::Fixed(bytes), 1);
      const ValueStamp stamp{{kWorkloadRun, kWriter, 1'234'567}, kNowUs};
      std::string out = "before";
      maker.Append(stamp, out);
      EXPECT_EQ(out.size() - 6, bytes);
      const auto read = ValueMaker::Read(std::string_view(out).substr(6));
      ASSERT_TRUE(read);
      EXPECT_EQ(read->identity, stamp.identity);
      EXPECT_EQ(read->sent_us, kNowUs);
    }
  }
}

TEST(ValueMakerTest, ForeignValuesHaveNoStamp) {
  for (const std::string value : {"", "\xc0", "\xa1x",
                                  "\x81\xa1"
                                  "a\x01",
                                  "\x81\xa2id\xa1x", "\x81"}) {
    EXPECT_FALSE(ValueMaker::Read(value));
  }
}

class OpEncoderTest : public testing::Test {
 protected:
  std::string Frame(const std::vector<Op>& ops) const {
    std::string body;
    for (const Op& op : ops) encoder_.Append(op, kNowUs, body);
    return OpBatchHead(static_cast<uint32_t>(ops.size()), false) + body;
  }

  const KeySpace keys_{"load", MapType::kMixed, 2, 100};
  const ValueMaker values_{ValueKind::kJson, ValueSize::Fixed(200), 1};
  const OpEncoder encoder_{keys_, values_, kWorkloadRun, kWriter};
};

// The frame decodes to the operations, and lib/wire's encoder, which is tested against the golden
// frames, makes the same bytes of them.
TEST_F(OpEncoderTest, FramesAreByteForByteTheClientLibrarys) {
  const std::vector<Op> ops = {
      {.kind = OpKind::kPut, .map = 0, .key = 7, .id = 1, .stamp = {kStampedMs, 0}},
      {.kind = OpKind::kRemove,
       .map = 0,
       .key = 8,
       .id = 9'999'999'999,
       .stamp = {kStampedMs, 200}},
      {.kind = OpKind::kOrAdd, .map = 1, .key = 9, .id = 3, .stamp = {kStampedMs, 70'000}},
      {.kind = OpKind::kOrRemove,
       .map = 1,
       .key = 9,
       .id = 4,
       .stamp = {kStampedMs + 1, 0},
       .tag = {kStampedMs, 3}},
  };
  const std::string frame = Frame(ops);
  wire::ClientFrame decoded;
  const wire::DecodeResult result = wire::Decode(frame, decoded);
  ASSERT_TRUE(result.ok()) << wire::Name(result.error) << " " << result.field;
  ASSERT_EQ(decoded.op_batch.ops.size(), ops.size());
  for (size_t i = 0; i < ops.size(); ++i) {
    const wire::Op& op = decoded.op_batch.ops[i];
    EXPECT_EQ(op.error, "");
    EXPECT_EQ(op.kind, ops[i].kind);
    EXPECT_EQ(op.id, std::to_string(ops[i].id));
    EXPECT_EQ(op.map, keys_.maps()[ops[i].map].name);
    EXPECT_EQ(op.key, KeySpace::KeyName(ops[i].key));
    EXPECT_EQ(op.timestamp.millis, ops[i].stamp.millis);
    EXPECT_EQ(op.timestamp.counter, ops[i].stamp.counter);
    EXPECT_EQ(op.timestamp.node_id, NodeId(kWorkloadRun, kWriter));
  }
  EXPECT_EQ(decoded.op_batch.ops[2].tag, "1700000000000:70000:abc123-00002f");
  EXPECT_EQ(decoded.op_batch.ops[3].tag, "1700000000000:3:abc123-00002f");
  EXPECT_EQ(ValueMaker::Read(decoded.op_batch.ops[0].value)->identity.op_id, 1U);

  std::string reference;
  wire::EncodeOpBatch(decoded.op_batch, reference);
  EXPECT_EQ(frame, reference);
}

TEST_F(OpEncoderTest, RecordsWithTtlAreTheClientLibrarysToo) {
  for (const uint32_t ttl_ms : {1U, 200U, 70'000U, 3'000'000'000U}) {
    const std::string frame = Frame({
        {.kind = OpKind::kPut,
         .map = 0,
         .key = 7,
         .id = 1,
         .stamp = {kStampedMs, 0},
         .ttl_ms = ttl_ms},
        {.kind = OpKind::kOrAdd,
         .map = 1,
         .key = 9,
         .id = 2,
         .stamp = {kStampedMs, 1},
         .ttl_ms = ttl_ms},
    });
    wire::ClientFrame decoded;
    ASSERT_TRUE(wire::Decode(frame, decoded).ok());
    for (const wire::Op& op : decoded.op_batch.ops) {
      EXPECT_TRUE(op.has_ttl);
      EXPECT_EQ(op.ttl_ms, ttl_ms);
    }
    std::string reference;
    wire::EncodeOpBatch(decoded.op_batch, reference);
    EXPECT_EQ(frame, reference);
  }
}

TEST_F(OpEncoderTest, WriteConcernStandsBehindTheOps) {
  std::string body;
  encoder_.Append({.id = 1, .stamp = {kStampedMs, 0}}, kNowUs, body);
  const std::string frame = OpBatchHead(1, true) + body + OpBatchTail("PERSISTED");
  wire::ClientFrame decoded;
  ASSERT_TRUE(wire::Decode(frame, decoded).ok());
  EXPECT_EQ(decoded.op_batch.write_concern, wire::WriteConcern::kPersisted);
  EXPECT_EQ(OpBatchTail(""), "");
}

TEST(OpSourceTest, StampsGrowAndIdsCount) {
  const KeySpace keys("load", MapType::kLww, 3, 10);
  OpSource source(keys, {.remove_ratio = 0, .keys = {.keys = 10}, .seed = 1}, "node");
  Op last = source.Next(kStampedMs);
  EXPECT_EQ(last.id, 1U);
  EXPECT_EQ(last.stamp.counter, 0);
  for (int i = 0; i < 5; ++i) {
    // The wall clock stands still and even goes back; the stamps do not.
    const Op op = source.Next(kStampedMs - i);
    EXPECT_EQ(op.id, last.id + 1);
    EXPECT_EQ(op.stamp.millis, kStampedMs);
    EXPECT_EQ(op.stamp.counter, last.stamp.counter + 1);
    last = op;
  }
}

TEST(OpSourceTest, OnlyAcknowledgedRecordsAreRemovedFromOrMaps) {
  const KeySpace keys("load", MapType::kOr, 1, 10);
  OpSource source(keys, {.remove_ratio = 1, .keys = {.keys = 10}, .seed = 1}, "node");
  const Op add = source.Next(kStampedMs);
  EXPECT_EQ(add.kind, OpKind::kOrAdd);
  EXPECT_EQ(source.Next(kStampedMs).kind, OpKind::kOrAdd);
  source.OnRecordAcked(add);
  const Op removal = source.Next(kStampedMs);
  EXPECT_EQ(removal.kind, OpKind::kOrRemove);
  EXPECT_EQ(removal.key, add.key);
  EXPECT_EQ(removal.tag.counter, add.stamp.counter);
  EXPECT_EQ(source.Next(kStampedMs).kind, OpKind::kOrAdd);  // each record is removed once
}

TEST(OpSourceTest, OneSeedOneRun) {
  const KeySpace keys("load", MapType::kMixed, 4, 100);
  const OpSource::Spec spec{.remove_ratio = 0.5, .keys = {.keys = 100}, .seed = 99};
  OpSource a(keys, spec, "node");
  OpSource b(keys, spec, "node");
  for (int i = 0; i < 100; ++i) {
    const Op op_a = a.Next(kStampedMs);
    const Op op_b = b.Next(kStampedMs);
    EXPECT_EQ(op_a.key, op_b.key);
    EXPECT_EQ(op_a.map, op_b.map);
    EXPECT_EQ(op_a.kind, op_b.kind);
  }
}

class OpLogTest : public testing::Test {
 protected:
  void Append(uint64_t id, const std::string& bytes) {
    log_.tail() += bytes;
    log_.Commit({.id = id});
  }
  // What an acknowledgement settles.
  std::vector<uint64_t> Acknowledge(uint64_t last_id) {
    std::vector<uint64_t> ids;
    log_.Acknowledge(last_id, [&ids](OpLog::Entry& entry) {
      entry.settled = true;
      ids.push_back(entry.op.id);
    });
    log_.DropSettled();
    return ids;
  }
  std::string Unsettled(size_t bytes_max = SIZE_MAX) {
    size_t index = 0;
    std::string out;
    log_.AppendUnsettled(&index, bytes_max, out);
    return out;
  }

  OpLog log_;
};

TEST_F(OpLogTest, KeepsWhatIsUnacknowledged) {
  Append(1, "a");
  Append(2, "bb");
  Append(3, "ccc");
  EXPECT_EQ(log_.Range(2, 2), "bbccc");
  EXPECT_EQ(log_.Range(1, 2), "abb");
  EXPECT_EQ(Unsettled(), "abbccc");
  log_.MarkSent(1, 3);
  EXPECT_THAT(Acknowledge(1), ElementsAre(1));
  EXPECT_EQ(log_.first_id(), 2U);
  EXPECT_EQ(log_.Find(1), nullptr);
  EXPECT_EQ(log_.Find(4), nullptr);
  log_.Find(2)->settled = true;
  EXPECT_EQ(Unsettled(), "ccc");
  EXPECT_FALSE(log_.AllSettled(2, 3));
  EXPECT_THAT(Acknowledge(3), ElementsAre(3));
  EXPECT_TRUE(log_.AllSettled(1, 3));
  EXPECT_FALSE(log_.AllSettled(1, 4));
  EXPECT_TRUE(log_.empty());
  EXPECT_EQ(log_.bytes(), 0U);
  EXPECT_EQ(log_.first_id(), 4U);
}

TEST_F(OpLogTest, AnAcknowledgementCoversWhatLeftNoLater) {
  for (uint64_t id = 1; id <= 6; ++id) Append(id, "x");
  log_.MarkSent(3, 4);  // overtakes 1 and 2
  log_.MarkSent(1, 2);
  EXPECT_THAT(Acknowledge(4), ElementsAre(3, 4));
  EXPECT_EQ(log_.first_id(), 1U);
  EXPECT_TRUE(log_.AllSettled(3, 4));
  EXPECT_FALSE(log_.AllSettled(1, 2));
  EXPECT_THAT(Acknowledge(4), IsEmpty());  // said again, as of a frame that was sent twice
  EXPECT_THAT(Acknowledge(2), ElementsAre(1, 2));
  EXPECT_EQ(log_.first_id(), 5U);

  // What was never sent is not acknowledged by anybody.
  EXPECT_THAT(Acknowledge(6), IsEmpty());
  EXPECT_THAT(Acknowledge(UINT64_MAX), IsEmpty());
  log_.MarkSent(5, 5);
  EXPECT_THAT(Acknowledge(UINT64_MAX), ElementsAre(5));
}

TEST_F(OpLogTest, ALaterFrameCoversAllThatLeftBefore) {
  for (uint64_t id = 1; id <= 6; ++id) Append(id, "x");
  log_.MarkSent(3, 4);
  log_.MarkSent(1, 2);
  log_.MarkSent(5, 6);
  EXPECT_THAT(Acknowledge(6), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_TRUE(log_.empty());
}

TEST_F(OpLogTest, FramesThatAreSentAgainAreCoveredByTheirLastOperation) {
  for (const char* const bytes : {"a", "b", "c", "d", "e", "f"}) Append(log_.size() + 1, bytes);
  log_.MarkSent(3, 4);
  log_.MarkSent(1, 2);
  size_t index = 0;
  std::string out;
  EXPECT_EQ(log_.AppendUnsettled(&index, SIZE_MAX, out), 2U);
  EXPECT_EQ(out, "ab");
  out.clear();
  EXPECT_EQ(log_.AppendUnsettled(&index, SIZE_MAX, out), 4U);  // the last two had not left yet
  EXPECT_EQ(out, "cdef");
  log_.MarkSent(1, 2);
  log_.MarkSent(3, 6);
  EXPECT_THAT(Acknowledge(2), ElementsAre(1, 2));
  EXPECT_THAT(Acknowledge(6), ElementsAre(3, 4, 5, 6));
}

TEST_F(OpLogTest, LongLogsAreCutIntoFrames) {
  Append(1, "aaaa");
  Append(2, "bbbb");
  Append(3, "cccccccccc");
  size_t index = 0;
  std::string out;
  EXPECT_EQ(log_.AppendUnsettled(&index, 8, out), 2U);
  EXPECT_EQ(out, "aaaabbbb");
  out.clear();
  EXPECT_EQ(log_.AppendUnsettled(&index, 8, out), 1U);  // larger than the limit, and alone
  EXPECT_EQ(out, "cccccccccc");
  EXPECT_EQ(log_.AppendUnsettled(&index, 8, out), 0U);
}

TEST_F(OpLogTest, BytesStayRightWhileTheFrontIsErased) {
  const std::string bytes(1'000, 'x');
  uint64_t next_id = 1;
  for (int round = 0; round < 2'000; ++round) {
    Append(next_id++, bytes);
    if (log_.size() <= 300) continue;
    log_.Find(log_.first_id())->settled = true;
    log_.DropSettled();
  }
  Append(next_id, "end");
  EXPECT_EQ(log_.Range(next_id, 1), "end");
  EXPECT_EQ(log_.bytes(), 300 * 1'000 + 3U);
}

}  // namespace
}  // namespace topgun::loadgen
