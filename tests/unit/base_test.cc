#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/closest_name.h"
#include "base/name_index.h"
#include "base/network_address.h"
#include "base/secret_file.h"
#include "base/status.h"

namespace topgun {
namespace {

using std::string_literals::operator""s;

std::string Varint(uint64_t value) {
  std::string out;
  AppendVarint(out, value);
  return out;
}

TEST(NetworkAddress, OnlyLoopbackAndSocketsStayOnThisMachine) {
  for (const char* local :
       {"unix:/run/redis.sock", "/run/postgresql", "unix-abstract:x", "localhost", "localhost:9000",
        "127.0.0.1:9000", "127.1.2.3", "[::1]:9000", "::1", "dns:///localhost:9000",
        "ipv4:127.0.0.1:9000", "ipv6:[::1]:9000"}) {
    EXPECT_TRUE(StaysOnThisMachine(local)) << local;
  }
  for (const char* remote :
       {"", "*:9000", "0.0.0.0:9000", "[::]:9000", "10.0.0.1:9000", "redis:6379", "127.example.org",
        "localhost.example.org:1", "[fe80::1]:9000", "dns:///topgun-sync:9000", "2001:db8::1"}) {
    EXPECT_FALSE(StaysOnThisMachine(remote)) << remote;
  }
}

TEST(NetworkAddress, HasAHost) {
  EXPECT_EQ(HostOf("redis:6379"), "redis");
  EXPECT_EQ(HostOf("[fe80::1]:6379"), "fe80::1");
  EXPECT_EQ(HostOf("fe80::1"), "fe80::1");
  EXPECT_EQ(HostOf("redis"), "redis");
}

TEST(SecretFile, IsReadAnewAndTheLastResortIsTheValue) {
  const std::string path = testing::TempDir() + "topgun_base_test_secret";
  std::ofstream(path) << "first\n";
  EXPECT_EQ(CurrentSecret("from the start", path), "first");
  std::ofstream(path) << "second";
  EXPECT_EQ(CurrentSecret("from the start", path), "second");
  std::remove(path.c_str());
  EXPECT_EQ(CurrentSecret("from the start", path), "from the start");
  EXPECT_EQ(CurrentSecret("from the start", ""), "from the start");
  EXPECT_EQ(ReadSecretFile(path).status().message(), "cannot open the file " + path);
}

TEST(Bytes, VarintHasSevenBitsPerByteLowFirst) {
  EXPECT_EQ(Varint(0), "\x00"s);
  EXPECT_EQ(Varint(127), "\x7f"s);
  EXPECT_EQ(Varint(128), "\x80\x01"s);
  EXPECT_EQ(Varint(300), "\xac\x02"s);
  EXPECT_EQ(Varint(std::numeric_limits<uint64_t>::max()),
            "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s);
}

TEST(Bytes, VarintRoundTrips) {
  std::vector<uint64_t> values;
  for (unsigned bit = 0; bit < 64; ++bit) {
    values.push_back(uint64_t{1} << bit);
    values.push_back((uint64_t{1} << bit) - 1);
  }
  values.push_back(std::numeric_limits<uint64_t>::max());
  std::string bytes;
  for (const uint64_t value : values) AppendVarint(bytes, value);
  ByteCursor cursor(bytes);
  for (const uint64_t value : values) EXPECT_EQ(cursor.ReadVarint(), value);
  EXPECT_TRUE(cursor.ok());
  EXPECT_TRUE(cursor.AtEnd());
}

TEST(Bytes, BadVarintFails) {
  for (const std::string& bytes : {""s, "\x80"s, "\xff\xff"s,
                                   "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"s,         // 65 bits
                                   "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"s}) {  // 11 bytes
    ByteCursor cursor(bytes);
    EXPECT_EQ(cursor.ReadVarint(), 0U) << ToHex(bytes);
    EXPECT_FALSE(cursor.ok()) << ToHex(bytes);
  }
}

TEST(Bytes, StringsCarryTheirLength) {
  std::string bytes;
  AppendBytes(bytes, "");
  AppendBytes(bytes, "a\0b"s);
  AppendBytes(bytes, std::string(200, 'x'));
  bytes.append("rest");
  ByteCursor cursor(bytes);
  EXPECT_EQ(cursor.ReadBytes(), "");
  EXPECT_EQ(cursor.ReadBytes(), "a\0b"s);
  EXPECT_EQ(cursor.ReadBytes(), std::string(200, 'x'));
  EXPECT_EQ(cursor.ReadByte(), 'r');
  EXPECT_EQ(cursor.ReadRaw(2), "es");
  EXPECT_EQ(cursor.rest(), "t");
  EXPECT_TRUE(cursor.ok());
}

TEST(Bytes, LengthBeyondTheEndFails) {
  std::string bytes;
  AppendVarint(bytes, std::numeric_limits<uint64_t>::max());
  bytes.append("short");
  ByteCursor cursor(bytes);
  EXPECT_EQ(cursor.ReadBytes(), "");
  EXPECT_FALSE(cursor.ok());
}

TEST(Bytes, FailureStays) {
  ByteCursor cursor("ab");
  EXPECT_EQ(cursor.ReadRaw(3), "");
  EXPECT_EQ(cursor.ReadByte(), 0);
  EXPECT_EQ(cursor.ReadVarint(), 0U);
  EXPECT_FALSE(cursor.ok());
  EXPECT_TRUE(cursor.AtEnd());
}

TEST(NameIndexTest, NumbersNamesInTheirOrder) {
  std::vector<std::string> names;
  for (int i = 0; i < 40; ++i) names.push_back("name-" + std::to_string(i));
  names.emplace_back();
  NameIndex index;
  for (uint32_t i = 0; i < names.size(); ++i) {
    EXPECT_FALSE(index.Find(names[i]));
    index.Add(names[i]);
    // Few names and many are found in different ways.
    for (uint32_t known = 0; known <= i; ++known) EXPECT_EQ(index.Find(names[known]), known);
  }
  EXPECT_EQ(index.size(), names.size());
  EXPECT_FALSE(index.Find("name-"));
  index.Clear();
  EXPECT_FALSE(index.Find(names[0]));
  index.Add(names[7]);
  EXPECT_EQ(index.Find(names[7]), 0U);
}

TEST(Bytes, HexIsLowercase) { EXPECT_EQ(ToHex("\x00\x0f\xa0\xff"s), "000fa0ff"); }

TEST(StatusText, AnnotateKeepsTheCode) {
  const Status status = Annotate(Unavailable("connection refused"), "loading map");
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(Message(status), "loading map: connection refused");
  EXPECT_TRUE(Annotate(OkStatus(), "loading map").ok());
}

TEST(ClosestNameTest, OnlyWhatIsNearIsSuggested) {
  const std::vector<std::string> names = {"smoke", "write", "persisted"};
  EXPECT_EQ(ClosestName("smok", names), "smoke");
  EXPECT_EQ(ClosestName("rwite", names), "write");
  EXPECT_EQ(ClosestName("persistent", names), "persisted");
  EXPECT_EQ(ClosestName("persistent", names, 1), "");
  EXPECT_EQ(ClosestName("fanout", names), "");
}

}  // namespace
}  // namespace topgun
