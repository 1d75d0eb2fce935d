// The scalar tables of frames.json: what the client emits and what bytes mean.
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <limits>
#include <map>
#include <string>

#include "base/bytes.h"
#include "msgpack/reader.h"
#include "msgpack/writer.h"
#include "support/msgpack_json.h"
#include "support/vectors.h"

namespace topgun::msgpack {
namespace {

namespace json = boost::json;
using Write = std::function<void(Writer&)>;

void WriteBytesAsMap(Writer& writer) {
  writer.MapHeader(3);
  for (const int i : {0, 1, 2}) {
    writer.Str(std::to_string(i));
    writer.Int(i + 1);
  }
}

// How our writer expresses the rows that are no plain "number N".
const std::map<std::string, Write>& NamedRows() {
  static const std::map<std::string, Write> rows = {
      {"negative zero", [](Writer& w) { w.Number(-0.0); }},
      {"NaN", [](Writer& w) { w.Number(std::numeric_limits<double>::quiet_NaN()); }},
      {"+Infinity", [](Writer& w) { w.Number(std::numeric_limits<double>::infinity()); }},
      {"-Infinity", [](Writer& w) { w.Number(-std::numeric_limits<double>::infinity()); }},
      {"null", [](Writer& w) { w.Nil(); }},
      {"undefined at top level", [](Writer& w) { w.Nil(); }},
      {"true", [](Writer& w) { w.Bool(true); }},
      {"false", [](Writer& w) { w.Bool(false); }},
      {"empty string", [](Writer& w) { w.Str(""); }},
      {"31 x a", [](Writer& w) { w.Str(std::string(31, 'a')); }},
      {"32 x a", [](Writer& w) { w.Str(std::string(32, 'a')); }},
      {"256 x a (first bytes)", [](Writer& w) { w.Str(std::string(256, 'a')); }},
      {"string \u00e9\U0001F600\u65e5", [](Writer& w) { w.Str("\u00e9\U0001F600\u65e5"); }},
      {"lone surrogate U+D83D", [](Writer& w) { w.Str("\xed\xa0\xbd"); }},
      {"empty array", [](Writer& w) { w.ArrayHeader(0); }},
      {"16 zeros",
       [](Writer& w) {
         w.ArrayHeader(16);
         for (int i = 0; i < 16; ++i) w.Int(0);
       }},
      {"array [undefined,1]",
       [](Writer& w) {
         w.ArrayHeader(2);
         w.Nil();
         w.Int(1);
       }},
      {"empty object", [](Writer& w) { w.MapHeader(0); }},
      {"object {a:undefined,b:1}",
       [](Writer& w) {
         w.MapHeader(1);
         w.Str("b");
         w.Int(1);
       }},
      {"object {z:1,a:2} (insertion order kept)",
       [](Writer& w) {
         w.MapHeader(2);
         w.Str("z");
         w.Int(1);
         w.Str("a");
         w.Int(2);
       }},
      {"object {b:3,1:1,0:2} (integer-like keys first, ascending)",
       [](Writer& w) {
         w.MapHeader(3);
         w.Str("0");
         w.Int(2);
         w.Str("1");
         w.Int(1);
         w.Str("b");
         w.Int(3);
       }},
      {"Date 1700000000123 becomes an empty map", [](Writer& w) { w.MapHeader(0); }},
      {"Map and Set become empty maps",
       [](Writer& w) {
         w.ArrayHeader(2);
         w.MapHeader(0);
         w.MapHeader(0);
       }},
      {"bytes 010203 become a map of index strings", WriteBytesAsMap},
  };
  return rows;
}

TEST(MsgpackVectorsTest, ClientRenderingMatchesTheClient) {
  size_t bigints = 0;
  for (const json::value& row : support::LoadVectors("frames.json").at("encode").as_array()) {
    const std::string note(support::Text(row.at("note")));
    if (note.starts_with("bigint ")) {  // we have no bigints to send, but read them
      uint64_t bits = 0;
      int64_t number = 0;
      const std::string bytes = support::FromHex(support::Text(row.at("hex")));
      EXPECT_TRUE(Reader(bytes).ReadInt64(&number) || Reader(bytes).ReadUint64(&bits)) << note;
      ++bigints;
      continue;
    }
    std::string bytes;
    Writer writer(bytes, Rendering::kClient);
    if (const auto named = NamedRows().find(note); named != NamedRows().end()) {
      named->second(writer);
    } else {
      ASSERT_TRUE(note.starts_with("number ")) << "no writer for row: " << note;
      writer.Number(std::strtod(note.c_str() + 7, nullptr));  // stod refuses denormals
    }
    EXPECT_EQ(ToHex(bytes), support::Text(row.at("hex"))) << note;
    EXPECT_TRUE(Validate(bytes).ok()) << note;
  }
  EXPECT_EQ(bigints, 4U);
}

// The client refuses unknown extensions; to us they are values like any other, since we only
// carry them.
bool IsClientOnlyRefusal(std::string_view note) { return note == "unknown extension type 5"; }

TEST(MsgpackVectorsTest, BytesMeanWhatTheyMeanToTheClient) {
  for (const json::value& row : support::LoadVectors("frames.json").at("decode").as_array()) {
    const std::string note(support::Text(row.at("note")));
    const std::string bytes = support::FromHex(support::Text(row.at("hex")));
    const bool ok = row.at("ok").as_bool() || IsClientOnlyRefusal(note);
    EXPECT_EQ(Validate(bytes).ok(), ok) << note;
    if (!row.at("ok").as_bool()) continue;

    const std::string_view kind = support::Text(row.at("jsType"));
    const json::value& expected = row.at("value");
    if (kind == "number") {
      double number = 0;
      EXPECT_TRUE(Reader(bytes).ReadNumber(&number)) << note;
      EXPECT_EQ(number, expected.to_number<double>()) << note;
    } else if (note == "bin8") {
      std::string_view data;
      EXPECT_TRUE(Reader(bytes).ReadBin(&data));
      EXPECT_EQ(ToHex(data), support::Text(expected.at("bytes")));
    } else if (Reader(bytes).Peek() == Type::kExt) {
      int8_t type = 0;
      std::string_view data;
      EXPECT_TRUE(Reader(bytes).ReadExt(&type, &data)) << note;
    } else if (note != "invalid UTF-8 tolerated") {
      EXPECT_EQ(ToJson(bytes), expected) << note;
    }
  }
}

}  // namespace
}  // namespace topgun::msgpack
