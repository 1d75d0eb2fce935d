// hash.json: every case.
#include <gtest/gtest.h>

#include <limits>

#include "crdt/hash.h"
#include "crdt/js_text.h"
#include "crdt/merkle_tree.h"
#include "crdt_vectors.h"

namespace topgun::crdt {
namespace {

namespace json = boost::json;

const json::object& HashVectors() { return support::LoadVectors("hash.json").as_object(); }

std::string Repeat(std::string_view unit, int64_t times) {
  std::string text;
  for (int64_t i = 0; i < times; ++i) text.append(unit);
  return text;
}

// The text of a case, from its UTF-16 form where there is one: JSON cannot carry lone surrogates
// through the parser.
std::string CaseText(const json::object& item) {
  if (const json::value* repeat = item.if_contains("repeat"); repeat != nullptr) {
    return Repeat(support::Text(repeat->at("unit")), repeat->at("times").to_number<int64_t>());
  }
  if (const json::value* units = item.if_contains("utf16le_hex"); units != nullptr) {
    return support::Utf8FromUtf16Hex(support::Text(*units));
  }
  return String(item.at("string"));
}

TEST(HashVectors, Strings) {
  for (const json::value& value : HashVectors().at("strings").as_array()) {
    const json::object& item = value.as_object();
    SCOPED_TRACE(json::serialize(value).substr(0, 200));
    const std::string text = CaseText(item);
    if (const json::value* bytes = item.if_contains("utf8_hex"); bytes != nullptr) {
      ASSERT_EQ(text, support::FromHex(support::Text(*bytes)));
    }
    EXPECT_EQ(HashString(text), ReadHash(item.at("hash")));
    EXPECT_EQ(MerklePath(text), support::Text(item.at("merklePath")));
    EXPECT_EQ(PartitionOf(text), ReadHash(item.at("partition")));
  }
}

TEST(HashVectors, MixAndCombine) {
  for (const json::value& item : HashVectors().at("mix").as_array()) {
    EXPECT_EQ(Mix(ReadHash(item.at("input"))), ReadHash(item.at("result")));
  }
  for (const json::value& item : HashVectors().at("combine").as_array()) {
    std::vector<uint32_t> inputs;
    for (const json::value& input : item.at("inputs").as_array()) inputs.push_back(ReadHash(input));
    EXPECT_EQ(Combine(inputs), ReadHash(item.at("result"))) << json::serialize(item);
  }
}

// The cases that JSON cannot express, by their note.
std::string ValueOfNote(std::string_view note) {
  std::string out;
  msgpack::Writer writer(out);
  if (note.starts_with("object with a property whose value is undefined")) {
    // Extension 0 is what a client reads as undefined.
    writer.MapHeader(2);
    writer.Str("a");
    writer.Raw(std::string_view("\xd4\x00\x00", 3));
    writer.Str("b");
    writer.Int(1);
  } else if (note.starts_with("array with undefined and NaN")) {
    writer.ArrayHeader(3);
    writer.Raw(std::string_view("\xd4\x00\x00", 3));
    writer.Float64(std::numeric_limits<double>::quiet_NaN());
    writer.Float64(std::numeric_limits<double>::infinity());
  } else if (note == "number NaN") {
    writer.Float64(std::numeric_limits<double>::quiet_NaN());
  } else if (note == "negative zero") {
    writer.Float64(-0.0);
  } else if (note.starts_with("lone high surrogate")) {
    writer.Str("\xed\xa0\xbd");
  } else {
    ADD_FAILURE() << "unknown note: " << note;
  }
  return out;
}

TEST(HashVectors, Objects) {
  for (const json::value& value : HashVectors().at("objects").as_array()) {
    const json::object& item = value.as_object();
    SCOPED_TRACE(json::serialize(value));
    const json::value* note = item.if_contains("valueNote");
    std::string text;
    AppendCanonicalJson(text, note != nullptr ? ValueOfNote(support::Text(*note))
                                              : support::ToMsgpack(item.at("value")));
    EXPECT_EQ(text, support::Text(item.at("json")));
    EXPECT_EQ(HashString(text), ReadHash(item.at("hash")));
  }
}

TEST(HashVectors, LwwItems) {
  for (const json::value& item : HashVectors().at("lwwItems").as_array()) {
    SCOPED_TRACE(json::serialize(item));
    const std::string key = String(item.at("key"));
    const uint32_t hash = LwwItemHash(key, ReadTimestamp(item.at("timestamp")).view());
    EXPECT_EQ(hash, ReadHash(item.at("itemHash")));
    EXPECT_EQ(hash, HashString(support::Text(item.at("hashedString"))));
    MerkleTree tree;
    tree.Update(key, hash);
    EXPECT_EQ(tree.NodeHash(MerklePath(key)), ReadHash(item.at("leafHash")));
    EXPECT_EQ(tree.root_hash(), ReadHash(item.at("rootHash")));
  }
}

std::vector<OrRecordView> Views(const std::vector<OrRecord>& records) {
  std::vector<OrRecordView> views;
  views.reserve(records.size());
  for (const OrRecord& record : records) {
    views.push_back({record.value, record.timestamp.view(), record.tag, record.ttl_ms.has_value(),
                     record.ttl_ms.value_or(0)});
  }
  return views;
}

bool HasNullTtl(const json::value& records) {
  for (const json::value& record : records.as_array()) {
    const json::value* ttl = record.as_object().if_contains("ttlMs");
    if (ttl != nullptr && ttl->is_null()) return true;
  }
  return false;
}

TEST(HashVectors, OrEntries) {
  for (const json::value& value : HashVectors().at("orEntries").as_array()) {
    const json::object& item = value.as_object();
    SCOPED_TRACE(json::serialize(value));
    const std::string key = String(item.at("key"));
    std::vector<OrRecord> records = ReadOrRecords(item.at("records"));
    const json::value* note = item.if_contains("note");
    if (note != nullptr && support::Text(*note) == "value is negative zero") {
      records.front().value = ValueOfNote("negative zero");
    }
    const std::vector<OrRecordView> views = Views(records);
    std::string expected = String(item.at("hashedString"));
    EXPECT_EQ(HashString(expected), ReadHash(item.at("entryHash")));
    if (HasNullTtl(item.at("records"))) {
      // A nil ttlMs is none to us and never sent, so that clients cannot come to hash this text.
      ASSERT_TRUE(expected.ends_with(":ttl=null"));
      expected.resize(expected.size() - std::string_view(":ttl=null").size());
    }
    EXPECT_EQ(OrItemText(key, views), expected);
    // No records: the key is not in the client's tree; its item hash is 0 by core.md 7.6.
    EXPECT_EQ(OrItemHash(key, views), records.empty() ? 0 : HashString(expected));
  }
}

// A record alone hashes as its part of the item text.
TEST(HashVectors, OrRecords) {
  constexpr std::string_view kItemPrefix = "key:|";
  for (const json::value& item : HashVectors().at("orRecords").as_array()) {
    const std::vector<OrRecord> records = {ReadOrRecord(item.at("record"))};
    const std::string text = OrItemText("", Views(records));
    ASSERT_TRUE(text.starts_with(kItemPrefix));
    EXPECT_EQ(HashString(text.substr(kItemPrefix.size())), ReadHash(item.at("hash"))) << text;
  }
}

}  // namespace
}  // namespace topgun::crdt
