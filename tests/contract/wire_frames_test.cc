// Every frame of the golden tables: client frames decode and re-encode to the client's bytes,
// server frames encode to the compact bytes and decode from both renderings.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/bytes.h"
#include "crdt/pn_counter.h"
#include "support/msgpack_json.h"
#include "support/vectors.h"
#include "wire/batch.h"
#include "wire_reencode.h"

namespace topgun::wire {
namespace {

namespace json = boost::json;
using support::FromHex;
using support::Text;

std::string TextOr(const json::value& row, std::string_view key) {
  const json::value* found = row.as_object().if_contains({key.data(), key.size()});
  return found != nullptr && found->is_string() ? std::string(Text(*found)) : std::string();
}

// The library writes `synced` into its operations, test clients do not.
OpLayout LayoutOf(const json::value& message) {
  return json::serialize(message).find("\"synced\"") != std::string::npos ? OpLayout::kLibrary
                                                                          : OpLayout::kPlain;
}

void ExpectClientFrame(std::string_view name, const json::value& message, std::string_view hex) {
  const std::string bytes = FromHex(hex);
  ClientFrame frame;
  const DecodeResult result = Decode(bytes, frame);
  ASSERT_TRUE(result.ok()) << name << ": " << Name(result.error) << " " << result.field;
  EXPECT_EQ(Name(frame.type), Text(message.at("type"))) << name;
  EXPECT_EQ(ToHex(EncodeClient(frame, LayoutOf(message))), hex) << name;

  // The same content in the other rendering means the same: whatever the forms of numbers and
  // headers, only the raw values differ.
  const std::string compact = support::ToMsgpack(message, msgpack::Rendering::kCompact);
  ASSERT_TRUE(Decode(compact, frame).ok()) << name;
  EXPECT_EQ(msgpack::ToJson(EncodeClient(frame, LayoutOf(message))), message) << name;
}

TEST(WireFramesTest, ClientFramesRoundTrip) {
  size_t frames = 0;
  for (const json::value& row : support::LoadVectors("frames.json").at("frames").as_array()) {
    if (TextOr(row, "direction") != "client->server") continue;
    if (row.as_object().contains("innerMessages") || TextOr(row, "type").empty()) continue;
    ExpectClientFrame(TextOr(row, "name"), row.at("message"), TextOr(row, "hex"));
    ++frames;
  }
  EXPECT_EQ(frames, 36U);
}

TEST(WireFramesTest, QueryFramesRoundTrip) {
  size_t frames = 0;
  for (const json::value& row :
       support::LoadVectors("frames_features.json").at("clientFrames").as_array()) {
    const std::string type = TextOr(row, "type");
    if (type != "QUERY_SUB" && type != "QUERY_UNSUB") continue;
    ExpectClientFrame(TextOr(row, "id"), row.at("json"), TextOr(row, "hex"));
    ++frames;
  }
  EXPECT_EQ(frames, 31U);
}

TEST(WireFramesTest, TopicFramesRoundTrip) {
  size_t frames = 0;
  for (const json::value& row :
       support::LoadVectors("frames_features.json").at("clientFrames").as_array()) {
    if (!TextOr(row, "type").starts_with("TOPIC_")) continue;
    ExpectClientFrame(TextOr(row, "id"), row.at("json"), TextOr(row, "hex"));
    ++frames;
  }
  EXPECT_EQ(frames, 7U);
}

void ExpectServerFrame(std::string_view name, const json::value& message, std::string_view compact,
                       std::string_view client) {
  const std::string bytes = FromHex(compact);
  ServerFrame frame;
  const DecodeResult result = DecodeServerFrame(bytes, frame);
  ASSERT_TRUE(result.ok()) << name << ": " << Name(result.error) << " " << result.field;
  EXPECT_EQ(ToHex(EncodeServer(frame)), compact) << name;

  const std::string other = FromHex(client);
  ASSERT_TRUE(DecodeServerFrame(other, frame).ok()) << name;
  EXPECT_EQ(msgpack::ToJson(EncodeServer(frame)), message) << name;
}

// Types that no server sends today have encoders but no decoder; see OtherServerFramesEncode.
const std::set<std::string>& EncodeOnly() {
  static const std::set<std::string> types = {"SERVER_BATCH_EVENT", "GC_PRUNE", "MERGE_REJECTED"};
  return types;
}

TEST(WireFramesTest, ServerFramesRoundTrip) {
  size_t frames = 0;
  for (const json::value& row : support::LoadVectors("frames.json").at("frames").as_array()) {
    const std::string type = TextOr(row, "type");
    if (TextOr(row, "direction") != "server->client" || !row.as_object().contains("message")) {
      continue;
    }
    if (EncodeOnly().contains(type) || type == "PARTITION_MAP_DELTA") continue;
    ExpectServerFrame(TextOr(row, "name"), row.at("message"), TextOr(row, "hexCompact"),
                      TextOr(row, "hexClientSerializer"));
    ++frames;
  }
  EXPECT_EQ(frames, 35U);
}

TEST(WireFramesTest, QueryAnswersRoundTrip) {
  size_t frames = 0;
  for (const json::value& row :
       support::LoadVectors("frames_features.json").at("serverFrames").as_array()) {
    const std::string type = TextOr(row, "type");
    if (type != "QUERY_RESP" && type != "QUERY_UPDATE") continue;
    const std::string hex = TextOr(row, "hex");
    ExpectServerFrame(TextOr(row, "id"), row.at("json"), hex, hex);
    ++frames;
  }
  EXPECT_EQ(frames, 7U);
}

TEST(WireFramesTest, CounterFramesRoundTrip) {
  const json::value features = support::LoadVectors("frames_features.json");
  size_t frames = 0;
  for (const json::value& row : features.at("clientFrames").as_array()) {
    if (!TextOr(row, "type").starts_with("COUNTER_")) continue;
    ExpectClientFrame(TextOr(row, "id"), row.at("json"), TextOr(row, "hex"));
    ++frames;
  }
  for (const json::value& row : features.at("serverFrames").as_array()) {
    if (!TextOr(row, "type").starts_with("COUNTER_")) continue;
    const std::string hex = TextOr(row, "hex");
    ExpectServerFrame(TextOr(row, "id"), row.at("json"), hex, hex);
    ++frames;
  }
  EXPECT_EQ(frames, 5U);
}

// What only other peers send.
TEST(WireFramesTest, CountersOfOtherPeersAreRead) {
  size_t frames = 0;
  for (const json::value& row :
       support::LoadVectors("frames_features.json").at("otherPeerFrames").as_array()) {
    if (TextOr(row, "type") != "COUNTER_SYNC") continue;
    const std::string bytes = FromHex(TextOr(row, "hex"));
    ClientFrame frame;
    ASSERT_TRUE(Decode(bytes, frame).ok());
    EXPECT_EQ(frame.type, FrameType::kCounterSync);
    EXPECT_EQ(frame.counter.name, Text(row.at("json").at("payload").at("name")));
    const auto counter = crdt::PnCounter::Decode(frame.counter.state);
    ASSERT_TRUE(counter.ok());
    EXPECT_EQ(counter->Value(), 5);
    ++frames;
  }
  EXPECT_EQ(frames, 1U);
}

// What a client gets is the golden state in value: whole amounts are integers here, as the client
// writes them itself.
TEST(WireFramesTest, TheStateOfAnUpdateIsTheGoldenOne) {
  for (const json::value& row :
       support::LoadVectors("frames_features.json").at("serverFrames").as_array()) {
    if (TextOr(row, "id") != "counter_update_dual") continue;
    const json::value& payload = row.at("json").at("payload");
    const std::string name(Text(payload.at("name")));
    std::string state;
    msgpack::Writer writer(state);
    crdt::PnCounter({{"a", 5}}, {{"b", 1}}).EncodeWire(writer);
    std::string update;
    EncodeCounterUpdate({.name = name, .state = state}, update);
    EXPECT_EQ(msgpack::ToJson(update), row.at("json"));
    return;
  }
  FAIL() << "no golden frame";
}

TEST(WireFramesTest, SearchFramesRoundTrip) {
  const json::value features = support::LoadVectors("frames_features.json");
  size_t frames = 0;
  for (const json::value& row : features.at("clientFrames").as_array()) {
    if (!TextOr(row, "type").starts_with("SEARCH")) continue;
    ExpectClientFrame(TextOr(row, "id"), row.at("json"), TextOr(row, "hex"));
    ++frames;
  }
  for (const json::value& row : features.at("serverFrames").as_array()) {
    if (!TextOr(row, "type").starts_with("SEARCH")) continue;
    const std::string hex = TextOr(row, "hex");
    ExpectServerFrame(TextOr(row, "id"), row.at("json"), hex, hex);
    ++frames;
  }
  EXPECT_EQ(frames, 9U);
}

TEST(WireFramesTest, SearchUpdateIsPrefixAndSuffix) {
  const SearchHit hit{.key = "k1", .score = 0.5, .matched_terms = "\x91\xa1w"};
  std::string whole;
  EncodeSearchUpdate({"s1", hit, ChangeType::kUpdate}, whole);
  std::string prefix;
  EncodeSearchUpdatePrefix("s1", prefix);
  std::string suffix;
  EncodeSearchUpdateSuffix(hit, ChangeType::kUpdate, suffix);
  EXPECT_EQ(prefix + suffix, whole);
}

TEST(WireFramesTest, JournalRequestsRoundTrip) {
  size_t frames = 0;
  for (const json::value& row :
       support::LoadVectors("frames_features.json").at("clientFrames").as_array()) {
    if (!TextOr(row, "type").starts_with("JOURNAL_")) continue;
    ExpectClientFrame(TextOr(row, "id"), row.at("json"), TextOr(row, "hex"));
    ++frames;
  }
  EXPECT_EQ(frames, 5U);
}

TEST(WireFramesTest, JournalAnswersRoundTrip) {
  size_t frames = 0;
  for (const json::value& row :
       support::LoadVectors("frames_features.json").at("serverFrames").as_array()) {
    if (!TextOr(row, "type").starts_with("JOURNAL_")) continue;
    const std::string hex = TextOr(row, "hex");
    ExpectServerFrame(TextOr(row, "id"), row.at("json"), hex, hex);
    ++frames;
  }
  EXPECT_EQ(frames, 2U);
}

TEST(WireFramesTest, TopicMessagesRoundTrip) {
  size_t frames = 0;
  for (const json::value& row :
       support::LoadVectors("frames_features.json").at("serverFrames").as_array()) {
    if (TextOr(row, "type") != "TOPIC_MESSAGE") continue;
    const std::string hex = TextOr(row, "hex");
    ExpectServerFrame(TextOr(row, "id"), row.at("json"), hex, hex);
    ++frames;
  }
  EXPECT_EQ(frames, 2U);
}

TEST(WireFramesTest, LockFramesRoundTrip) {
  const json::value vectors = support::LoadVectors("frames_features.json");
  size_t frames = 0;
  for (const json::value& row : vectors.at("clientFrames").as_array()) {
    if (!TextOr(row, "type").starts_with("LOCK_")) continue;
    ExpectClientFrame(TextOr(row, "id"), row.at("json"), TextOr(row, "hex"));
    ++frames;
  }
  EXPECT_EQ(frames, 4U);
  for (const json::value& row : vectors.at("serverFrames").as_array()) {
    if (!TextOr(row, "type").starts_with("LOCK_")) continue;
    ExpectServerFrame(TextOr(row, "id"), row.at("json"), TextOr(row, "hex"), TextOr(row, "hex"));
    ++frames;
  }
  EXPECT_EQ(frames, 6U);
}

// The compact bytes of the only golden frame of this type.
std::string GoldenHex(std::string_view type) {
  for (const json::value& row : support::LoadVectors("frames.json").at("frames").as_array()) {
    if (TextOr(row, "type") == type) return TextOr(row, "hexCompact");
  }
  return "no such frame";
}

TEST(WireFramesTest, OtherServerFramesEncode) {
  const crdt::TimestampView server{1700000000000, 1, "server-1"};
  const crdt::TimestampView client{1700000000000, 0, "client-A"};

  std::string prune;
  EncodeGcPrune(server, prune);
  EXPECT_EQ(ToHex(prune), GoldenHex("GC_PRUNE"));

  std::string rejected;
  EncodeMergeRejected({"todos", "k1", "\x81\xa1\x61\x01", "conflict resolver", server}, rejected);
  EXPECT_EQ(ToHex(rejected), GoldenHex("MERGE_REJECTED"));

  EventView put;
  put.map = "todos";
  put.key = "k1";
  put.record = LwwRecordView{"\x01", server, false, 0};
  EventView add;
  add.map = "tags";
  add.key = "k1";
  add.kind = OpKind::kOrAdd;
  add.or_record = crdt::OrRecordView{"\xa4work", client, "1700000000000:0:client-A", false, 0};
  const EventView events[] = {put, add};
  std::string batch;
  EncodeServerBatchEvent(events, batch);
  EXPECT_EQ(ToHex(batch), GoldenHex("SERVER_BATCH_EVENT"));
}

TEST(WireFramesTest, WrappedPongIsOneBinary) {
  std::string wrapped;
  EncodePongWrapped({1700000000000, 1700000000003}, wrapped);
  std::string_view inner;
  ASSERT_TRUE(msgpack::Reader(wrapped).ReadBin(&inner));
  std::string plain;
  EncodePong({1700000000000, 1700000000003}, plain);
  EXPECT_EQ(inner, plain);
}

TEST(WireFramesTest, QueryUpdateIsPrefixAndSuffix) {
  std::string whole;
  EncodeQueryUpdate({"q1", "k1", "\x01", ChangeType::kUpdate}, whole);
  std::string prefix;
  EncodeQueryUpdatePrefix("q1", prefix);
  std::string suffix;
  EncodeQueryUpdateSuffix("k1", "\x01", ChangeType::kUpdate, suffix);
  EXPECT_EQ(prefix + suffix, whole);
}

TEST(WireFramesTest, BatchTowardsTheServer) {
  for (const json::value& row : support::LoadVectors("frames.json").at("frames").as_array()) {
    if (TextOr(row, "name") != "BATCH towards the server") continue;
    const std::string bytes = FromHex(TextOr(row, "hex"));
    ClientFrame batch;
    ASSERT_TRUE(Decode(bytes, batch).ok());
    EXPECT_EQ(ToHex(batch.batch.data), TextOr(row, "dataHex"));
    EXPECT_EQ(ToHex(EncodeClient(batch, OpLayout::kPlain)), TextOr(row, "hex"));

    const json::array& messages = row.at("innerMessages").as_array();
    ASSERT_EQ(CountBatchItems(batch.batch.data), messages.size());
    BatchWalker walker(batch.batch.data);
    std::string_view item;
    for (const json::value& message : messages) {
      ASSERT_TRUE(walker.Next(&item));
      ExpectClientFrame("inner message", message, ToHex(item));
    }
    EXPECT_FALSE(walker.Next(&item));
    return;
  }
  FAIL() << "the vector is gone";
}

}  // namespace
}  // namespace topgun::wire
