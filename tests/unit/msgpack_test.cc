#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <string_view>

#include "msgpack/equal.h"
#include "msgpack/reader.h"
#include "msgpack/writer.h"

namespace topgun::msgpack {
namespace {

using std::string_literals::operator""s;

std::string Nested(uint32_t depth, std::string_view leaf) {
  return std::string(depth, '\x91').append(leaf);
}

// Every form of the format once, in one array.
std::string EveryForm() {
  const std::string long_text(40, 'x');
  return "\xdc\x00\x1b"s                                // array16 of 27
         "\xc0\xc2\xc3\x05\xe0"                         // nil, bools, fixints
         "\xcc\xff\xcd\x01\x02\xce\x01\x02\x03\x04"s +  // uint 8, 16, 32
         "\xcf\x01\x02\x03\x04\x05\x06\x07\x08"s        // uint64
         "\xd0\x80\xd1\x80\x00\xd2\x80\x00\x00\x00"s +  // int 8, 16, 32
         "\xd3\x80\x00\x00\x00\x00\x00\x00\x00"s        // int64
         "\xca\x3f\xc0\x00\x00"s                        // float32
         "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"s        // float64
         "\xa2hi"s +
         "\xd9\x28"s + long_text + "\xda\x00\x28"s + long_text + "\xdb\x00\x00\x00\x28"s +
         long_text +                                           // str forms
         "\xc4\x01z\xc5\x00\x01z\xc6\x00\x00\x00\x01z"s        // bin forms
         "\xd4\x05z\xd6\x05zzzz"s                              // fixext
         "\xc7\x02\x05zz"s                                     // ext8
         "\x82\x01\x02\x03\x90"s                               // fixmap
         "\xdf\x00\x00\x00\x01\x01\xdd\x00\x00\x00\x01\x07"s;  // map32 holding an array32
}

TEST(ReaderTest, AcceptsEveryFormAndRejectsEveryPrefix) {
  const std::string bytes = EveryForm();
  EXPECT_TRUE(Validate(bytes).ok()) << ToString(Validate(bytes));
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(Validate(std::string_view(bytes).substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(Validate(bytes + "\xc0").ok()) << "bytes after the value";
}

TEST(ReaderTest, ShortInputsAreHandled) {
  // Every seventh input of three bytes: no crash, and whatever is skipped also validates.
  for (uint32_t word = 0; word < (1U << 24U); word += 7) {
    const std::string bytes{static_cast<char>(word >> 16U), static_cast<char>(word >> 8U),
                            static_cast<char>(word)};
    Reader reader(bytes);
    std::string_view raw;
    if (reader.ReadRaw(&raw)) {
      EXPECT_TRUE(Validate(raw).ok());
      EXPECT_EQ(raw.size(), reader.position());
    } else {
      EXPECT_FALSE(reader.ok());
    }
  }
}

TEST(ReaderTest, DepthCountsNonEmptyContainersOnly) {
  EXPECT_TRUE(Validate(Nested(256, "\x01")).ok());
  EXPECT_TRUE(Validate(Nested(256, "\x90")).ok()) << "an empty container is a leaf";
  EXPECT_FALSE(Validate(Nested(257, "\x01")).ok());

  const std::string deep = Nested(1'000'000, "\x01");
  Reader reader(deep);
  EXPECT_FALSE(reader.Skip());
  EXPECT_TRUE(reader.too_deep());
}

TEST(ReaderTest, SkipAddsTheDepthTheCallerIsIn) {
  const std::string bytes = Nested(200, "\x01");
  EXPECT_TRUE(Reader(bytes).Skip(56));
  EXPECT_FALSE(Reader(bytes).Skip(57));
}

TEST(ReaderTest, WideAndDeepSiblingsAreNotDeep) {
  std::string bytes = "\xdc\x03\xe8"s;  // 1000 siblings of depth 200
  for (int i = 0; i < 1000; ++i) bytes += Nested(200, "\x01");
  EXPECT_TRUE(Validate(bytes).ok());
}

TEST(ReaderTest, HeadersThatLieFailAtOnce) {
  uint32_t count = 0;
  EXPECT_FALSE(Reader("\xdd\xff\xff\xff\xff\x01"s).ReadArrayHeader(&count));
  EXPECT_FALSE(Reader("\xdf\xff\xff\xff\xff\x01\x01"s).ReadMapHeader(&count));
  EXPECT_FALSE(Reader("\x8f\x01\x01"s).ReadMapHeader(&count));
  EXPECT_FALSE(Reader("\x93\x01"s).ReadArrayHeader(&count));
  std::string_view text;
  EXPECT_FALSE(Reader("\xdb\xff\xff\xff\xff"s
                      "abc")
                   .ReadStr(&text));
  EXPECT_FALSE(Reader("\xc6\xff\xff\xff\xff"s
                      "abc")
                   .ReadBin(&text));
  int8_t type = 0;
  EXPECT_FALSE(Reader("\xc9\xff\xff\xff\xff\x05"s).ReadExt(&type, &text));
}

TEST(ReaderTest, FailureSticks) {
  const std::string bytes = "\x01\xc0"s;
  Reader reader(bytes);
  std::string_view text;
  EXPECT_FALSE(reader.ReadStr(&text));
  int64_t number = 0;
  EXPECT_FALSE(reader.ReadInt64(&number));
  EXPECT_FALSE(reader.ReadNil());
  EXPECT_FALSE(reader.ok());
  EXPECT_TRUE(reader.AtEnd());
  EXPECT_EQ(reader.position(), 0U);
}

TEST(ReaderTest, ReservedByteIsMalformedAnywhere) {
  EXPECT_FALSE(Validate("\xc1").ok());
  EXPECT_FALSE(Validate("\x92\x01\xc1"s).ok());
  EXPECT_EQ(Reader("\xc1").Peek(), Type::kInvalid);
}

struct WholeNumberCase {
  std::string bytes;
  bool fits_int64;
  int64_t as_int64;
  bool fits_uint64;
  uint64_t as_uint64;
};

TEST(ReaderTest, WholeFloatsAreIntegers) {
  const WholeNumberCase cases[] = {
      {"\xcb\x42\x78\xbc\xfe\x56\x80\x00\x00"s, true, 1700000000000, true, 1700000000000},
      {"\xca\x40\x40\x00\x00"s, true, 3, true, 3},
      {"\xcb\x80\x00\x00\x00\x00\x00\x00\x00"s, true, 0, true, 0},    // -0
      {"\xcb\xc0\x14\x00\x00\x00\x00\x00\x00"s, true, -5, false, 0},  // -5.0
      {"\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"s, false, 0, false, 0},  // 1.5
      {"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"s, false, 0, false, 0},  // NaN
      {"\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00"s, false, 0, false, 0},  // infinity
      {"\xcb\x43\xe0\x00\x00\x00\x00\x00\x00"s, false, 0, true, 1ULL << 63U},
      {"\xcb\xc3\xe0\x00\x00\x00\x00\x00\x00"s, true, INT64_MIN, false, 0},
      {"\xcb\x43\xf0\x00\x00\x00\x00\x00\x00"s, false, 0, false, 0},  // 2^64
      {"\xcf\xff\xff\xff\xff\xff\xff\xff\xff"s, false, 0, true, UINT64_MAX},
      {"\xd3\xff\xff\xff\xff\xff\xff\xff\xff"s, true, -1, false, 0},
      {"\xd0\xff"s, true, -1, false, 0},
      {"\xff"s, true, -1, false, 0},
  };
  for (const WholeNumberCase& item : cases) {
    int64_t signed_value = 0;
    EXPECT_EQ(Reader(item.bytes).ReadInt64(&signed_value), item.fits_int64) << item.as_int64;
    EXPECT_TRUE(!item.fits_int64 || signed_value == item.as_int64) << signed_value;
    uint64_t unsigned_value = 0;
    EXPECT_EQ(Reader(item.bytes).ReadUint64(&unsigned_value), item.fits_uint64) << item.as_uint64;
    EXPECT_TRUE(!item.fits_uint64 || unsigned_value == item.as_uint64) << unsigned_value;
  }
}

TEST(ReaderTest, ExtensionsAndBinary) {
  int8_t type = 0;
  std::string_view data;
  EXPECT_TRUE(Reader("\xd8\xff"s + std::string(16, 'z')).ReadExt(&type, &data));
  EXPECT_EQ(type, -1);
  EXPECT_EQ(data.size(), 16U);
  EXPECT_TRUE(Reader("\xc7\x00\x07"s).ReadExt(&type, &data));
  EXPECT_EQ(type, 7);
  EXPECT_TRUE(data.empty());
  EXPECT_FALSE(Reader("\xc4\x01z"s).ReadExt(&type, &data));
}

std::string Written(Rendering rendering, auto&& write) {
  std::string out;
  Writer writer(out, rendering);
  write(writer);
  EXPECT_TRUE(Validate(out).ok());
  return out;
}

TEST(WriterTest, IntegersRoundTripInBothRenderings) {
  for (const Rendering rendering : {Rendering::kCompact, Rendering::kClient}) {
    for (unsigned shift = 0; shift < 53; ++shift) {
      for (const int64_t near : {-1, 0, 1}) {
        for (const int64_t sign : {-1, 1}) {
          const int64_t value = sign * (int64_t{1} << shift) + near;
          const std::string bytes = Written(rendering, [&](Writer& w) { w.Int(value); });
          int64_t read = 0;
          EXPECT_TRUE(Reader(bytes).ReadInt64(&read));
          EXPECT_EQ(read, value);
          EXPECT_EQ(bytes,
                    Written(rendering, [&](Writer& w) { w.Number(static_cast<double>(value)); }));
        }
      }
    }
  }
}

TEST(WriterTest, CompactKeeps64BitIntegersExact) {
  EXPECT_EQ(Written(Rendering::kCompact, [](Writer& w) { w.Int(INT64_MIN); }),
            "\xd3\x80\x00\x00\x00\x00\x00\x00\x00"s);
  EXPECT_EQ(Written(Rendering::kCompact, [](Writer& w) { w.Uint(UINT64_MAX); }),
            "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"s);
}

TEST(WriterTest, EveryNaNIsTheOneOfJavaScript) {
  EXPECT_EQ(Written(Rendering::kCompact,
                    [](Writer& w) { w.Number(-std::numeric_limits<double>::quiet_NaN()); }),
            "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"s);
}

TEST(WriterTest, LengthsPickTheShortestForm) {
  for (const size_t size : {0U, 31U, 32U, 255U, 256U, 65535U, 65536U}) {
    const std::string text(size, 't');
    std::string_view read;
    const std::string as_str = Written(Rendering::kCompact, [&](Writer& w) { w.Str(text); });
    EXPECT_TRUE(Reader(as_str).ReadStr(&read));
    EXPECT_EQ(read, text);
    EXPECT_EQ(as_str.size() - size, size < 32 ? 1U : size < 256 ? 2U : size < 65536 ? 3U : 5U);
    const std::string as_bin = Written(Rendering::kClient, [&](Writer& w) { w.Bin(text); });
    EXPECT_TRUE(Reader(as_bin).ReadBin(&read));
    EXPECT_EQ(read, text);
  }
}

TEST(WriterTest, ContainerHeaders) {
  for (const uint32_t count : {0U, 15U, 16U, 65535U, 65536U}) {
    std::string bytes;
    Writer(bytes, Rendering::kCompact).MapHeader(count);
    EXPECT_EQ(bytes.size(), count < 16 ? 1U : count < 65536 ? 3U : 5U);
    bytes.append(2 * size_t{count}, '\x01');
    uint32_t read = 0;
    EXPECT_TRUE(Reader(bytes).ReadMapHeader(&read));
    EXPECT_EQ(read, count);
    EXPECT_TRUE(Validate(bytes).ok());

    bytes.clear();
    Writer(bytes, Rendering::kClient).ArrayHeader(count);
    bytes.append(count, '\x01');
    EXPECT_TRUE(Reader(bytes).ReadArrayHeader(&read));
    EXPECT_EQ(read, count);
  }
}

TEST(EqualValuesTest, NilIsAValueAndExtensionsEqualNothing) {
  uint32_t steps = 100;
  EXPECT_TRUE(EqualValues("\xc0", "\xc0", steps));
  EXPECT_FALSE(EqualValues("\xc0", "\xc2", steps));
  EXPECT_TRUE(EqualValues("\x91\xc0", "\x91\xc0", steps));
  EXPECT_FALSE(EqualValues("\xd4\x05\x01", "\xd4\x05\x01", steps));
}

TEST(EqualValuesTest, EndsWhenTheStepsAreUsedUp) {
  // Each level holds all levels below it, so walking it costs far more steps than it has bytes.
  std::string deep(200, '\x91');
  deep += std::string("\xdc\x10\x00", 3) + std::string(0x1000, '\x01');
  ASSERT_TRUE(Validate(deep).ok());
  uint32_t enough = 1'000'000;
  EXPECT_TRUE(EqualValues(deep, deep, enough));
  EXPECT_GT(enough, 0U);
  uint32_t few = 1'000;
  EXPECT_FALSE(EqualValues(deep, deep, few));
  EXPECT_EQ(few, 0U);
}

}  // namespace
}  // namespace topgun::msgpack
