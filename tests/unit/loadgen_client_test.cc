#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "client/base64.h"
#include "client/reused_buffer.h"
#include "client/token.h"
#include "client/url.h"
#include "client/ws_frame.h"
#include "config.h"
#include "exit_code.h"
#include "options/values.h"

namespace topgun::loadgen {
namespace {

using testing::HasSubstr;

TEST(UrlTest, PartsAndDefaults) {
  const auto full = ParseUrl("ws://example.org:8081/ws");
  ASSERT_TRUE(full.ok());
  EXPECT_EQ(full->host, "example.org");
  EXPECT_EQ(full->port, "8081");
  EXPECT_EQ(full->path, "/ws");
  const auto bare = ParseUrl("ws://localhost");
  ASSERT_TRUE(bare.ok());
  EXPECT_EQ(bare->port, "80");
  EXPECT_EQ(bare->path, "/");
  const auto ipv6 = ParseUrl("ws://[::1]:8080/");
  ASSERT_TRUE(ipv6.ok());
  EXPECT_EQ(ipv6->host, "::1");
  EXPECT_EQ(ipv6->Authority(), "[::1]:8080");
  EXPECT_FALSE(ipv6->secure);
  const auto secure = ParseUrl("wss://example.org/ws");
  ASSERT_TRUE(secure.ok());
  EXPECT_EQ(secure->Authority(), "example.org:443");
  EXPECT_TRUE(secure->secure);
}

TEST(UrlTest, EverythingElseIsRefused) {
  for (const char* url :
       {"", "http://x", "ws://", "ws://:80", "ws://x:", "ws://x:port", "localhost"}) {
    EXPECT_FALSE(ParseUrl(url).ok()) << url;
  }
}

// Made with another implementation: printf text | openssl dgst -sha256 -hmac secret -binary.
TEST(TokenTest, MatchesAnIndependentSignature) {
  EXPECT_EQ(MintToken({"user-1", 1'700'000'000, 3'600}, "test-e2e-secret"),
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
            "eyJzdWIiOiJ1c2VyLTEiLCJyb2xlcyI6WyJVU0VSIl0sImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwMDAzNj"
            "AwfQ.O5s_9QUcFKn5hXFJ_zloQP_udSaT8dF4MBgXNam7ryY");
}

// The example of RFC 6455 section 1.3.
TEST(WebSocketAcceptTest, AnswersTheKeyOfTheRfc) {
  EXPECT_EQ(WebSocketAccept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

// The masked "Hello" of RFC 6455 section 5.7.
TEST(WsFrameTest, MaskedFrameOfTheRfc) {
  std::string out;
  AppendClientFrame(WsOpcode::kText, {"Hel", "lo"}, 0x3d21fa37, out);
  EXPECT_EQ(out, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
}

TEST(WsFrameTest, LengthsTakeTheShortestForm) {
  for (const auto& [size, header] :
       {std::pair<size_t, size_t>{125, 6}, {126, 8}, {65'535, 8}, {65'536, 14}}) {
    std::string out;
    AppendClientFrame(WsOpcode::kBinary, {std::string(size, 'x')}, 0, out);
    EXPECT_EQ(out.size(), size + header);
  }
}

TEST(WsFrameTest, MaskingIsTheSameWhateverTheAlignment) {
  const std::string text = "The quick brown fox jumps over the lazy dog";
  std::string out;
  AppendClientFrame(WsOpcode::kBinary, {text}, 0x04030201, out);
  for (size_t i = 0; i < text.size(); ++i) {
    EXPECT_EQ(out[6 + i] ^ static_cast<char>(1 + i % 4), text[i]);
  }
}

TEST(WsFrameTest, ServerFramesParseAtEveryLength) {
  for (const size_t size : {size_t{0}, size_t{125}, size_t{126}, size_t{70'000}}) {
    std::string bytes = "\x82";
    if (size < 126) {
      bytes.push_back(static_cast<char>(size));
    } else if (size <= 0xffff) {
      bytes += {'\x7e', static_cast<char>(size >> 8), static_cast<char>(size)};
    } else {
      bytes += std::string("\x7f\0\0\0\0\0", 6);
      bytes +=
          {static_cast<char>(size >> 16), static_cast<char>(size >> 8), static_cast<char>(size)};
    }
    bytes.append(size, 'x');
    WsFrame frame;
    EXPECT_EQ(ParseServerFrame(bytes + "next", 1 << 20, &frame), WsParse::kFrame);
    EXPECT_EQ(frame.size, bytes.size());
    EXPECT_EQ(frame.payload.size(), size);
    for (size_t cut = 0; cut < bytes.size(); cut += std::max<size_t>(1, bytes.size() / 50)) {
      EXPECT_EQ(ParseServerFrame(bytes.substr(0, cut), 1 << 20, &frame), WsParse::kNeedMore);
    }
  }
}

TEST(WsFrameTest, FragmentsAndControlFramesAreToldApart) {
  WsFrame frame;
  EXPECT_EQ(ParseServerFrame(std::string_view("\x02\x01x", 3), 100, &frame), WsParse::kFrame);
  EXPECT_FALSE(frame.final);
  EXPECT_EQ(ParseServerFrame(std::string_view("\x80\x01x", 3), 100, &frame), WsParse::kFrame);
  EXPECT_EQ(frame.opcode, WsOpcode::kContinuation);
  EXPECT_EQ(ParseServerFrame(std::string_view("\x89\x00", 2), 100, &frame), WsParse::kFrame);
  EXPECT_EQ(frame.opcode, WsOpcode::kPing);
}

TEST(WsFrameTest, WhatAServerMustNotSendIsMalformed) {
  WsFrame frame;
  const std::vector<std::string> bad = {
      {'\x82', '\x81', 0, 0, 0, 0, 'x'},  // masked
      {'\xc2', '\x01', 'x'},              // reserved bit
      {'\x83', '\x00'},                   // unknown opcode
      {'\x09', '\x00'},                   // fragmented ping
      {'\x89', '\x7e', 0, '\x7e'},        // long ping
      {'\x82', '\x7e', 1, 0},             // longer than allowed
  };
  for (const std::string& bytes : bad) {
    EXPECT_EQ(ParseServerFrame(bytes, 100, &frame), WsParse::kMalformed);
  }
}

ParsedConfig ParseClient(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "topgun-loadgen");
  return ParseConfig(static_cast<int>(arguments.size()), arguments.data());
}

TEST(ConfigTest, OptionsReachTheirFields) {
  const auto parsed = ParseClient({"--token",         "t",
                                   "--url",           "ws://a:1/ws",
                                   "--url",           "ws://b:2/ws",
                                   "--rate",          "50k",
                                   "--duration",      "1m",
                                   "--warmup",        "500ms",
                                   "--map-type",      "mixed",
                                   "--key-dist",      "zipf:0.8",
                                   "--resend",        "full",
                                   "--write-concern", "PERSISTED",
                                   "--pids",          "gateway=12,sync=13",
                                   "--value-kind",    "blob"});
  ASSERT_TRUE(parsed.config) << parsed.text;
  const Config& config = *parsed.config;
  ASSERT_EQ(config.target.endpoints.size(), 2U);
  EXPECT_EQ(config.target.endpoints[1].host, "b");
  EXPECT_EQ(config.load.rate, 50'000);
  EXPECT_EQ(config.load.duration.count(), 60'000);
  EXPECT_EQ(config.load.warmup.count(), 500);
  EXPECT_EQ(config.data.map_type, MapType::kMixed);
  EXPECT_EQ(config.data.key_distribution.kind, KeyDistribution::kZipf);
  EXPECT_EQ(config.data.key_distribution.zipf_theta, 0.8);
  EXPECT_EQ(config.faults.resend, Resend::kFull);
  EXPECT_EQ(config.load.write_concern, wire::WriteConcern::kPersisted);
  ASSERT_EQ(config.output.processes.size(), 2U);
  EXPECT_EQ(config.output.processes[1].name, "sync");
  EXPECT_EQ(config.output.processes[1].pid, 13);
  EXPECT_EQ(config.data.value_kind, ValueKind::kBlob);
}

TEST(ConfigTest, SecureTargetsShareTheirRules) {
  const auto parsed = ParseClient({"--token", "t", "--tls-insecure", "--url", "ws://a", "--url",
                                   "wss://b", "--url", "wss://c"});
  ASSERT_TRUE(parsed.config) << parsed.text;
  const auto& endpoints = parsed.config->target.endpoints;
  EXPECT_EQ(endpoints[0].tls, nullptr);
  EXPECT_NE(endpoints[1].tls, nullptr);
  EXPECT_EQ(endpoints[1].tls, endpoints[2].tls);
}

TEST(ConfigTest, ContradictionsAreUsageErrors) {
  const std::vector<std::vector<const char*>> bad = {
      {"--url", "http://x"},
      {"--url", "wss://x", "--tls-ca-file", "/no/such/file"},
      {"--url", "wss://x", "--tls-ca-file", "x", "--tls-insecure"},
      {"--url", "ws://x", "--tls-insecure"},
      {"--rate", "fast"},
      {"--duration", "10"},
      {"--keys", "0"},
      {"--keys", "20k", "--verify", "acks"},
      {"--key-dist", "seq", "--keys", "0", "--verify", "acks"},
      {"--inject-loss", "1"},
      {"--batch", "0"},
      {"--pids", "gateway"},
      {"--write-concern", "SURE"},
      {"--key-dist", "zipf:1.5"},
      {"--value-size", "10"},
  };
  for (std::vector<const char*> arguments : bad) {
    const char* const first = arguments[0];
    arguments.insert(arguments.begin(), "--no-auth");
    const auto parsed = ParseClient(arguments);
    EXPECT_FALSE(parsed.config) << first;
    EXPECT_EQ(parsed.exit_code, kExitUsage);
    EXPECT_THAT(parsed.text, HasSubstr("topgun-loadgen: "));
  }
}

TEST(ConfigTest, RatesAndTimes) {
  EXPECT_EQ(ParseRate("1.5M"), 1'500'000);
  EXPECT_EQ(ParseRate("200"), 200);
  EXPECT_FALSE(ParseRate("50x"));
  EXPECT_FALSE(ParseRate("-1"));
  EXPECT_EQ(ParseDuration("250ms")->count(), 250);
  EXPECT_EQ(ParseDuration("0s")->count(), 0);
  EXPECT_FALSE(ParseDuration("5h"));
}

TEST(ReusedBufferTest, KeepsTheRoomOfLikeUses) {
  std::string buffer(100'000, 'x');
  const size_t room = buffer.capacity();
  EmptyForReuse(buffer);
  EXPECT_TRUE(buffer.empty());
  buffer.assign(70'000, 'x');
  EmptyForReuse(buffer);
  EXPECT_EQ(buffer.capacity(), room);
}

TEST(ReusedBufferTest, GivesBackTheRoomOfABurst) {
  std::string buffer(80'000, 'x');
  EmptyForReuse(buffer);
  EXPECT_GE(buffer.capacity(), 80'000U) << "the next burst may be on its way";
  buffer.assign(40'000, 'x');
  EmptyForReuse(buffer);
  EXPECT_GE(buffer.capacity(), 40'000U);
  EXPECT_LE(buffer.capacity(), 50'000U);
}

TEST(ReusedBufferTest, SmallRoomStays) {
  std::string buffer(15'000, 'x');
  EmptyForReuse(buffer);
  buffer.assign(10, 'x');
  EmptyForReuse(buffer);
  EXPECT_GE(buffer.capacity(), 15'000U);
}

}  // namespace
}  // namespace topgun::loadgen
