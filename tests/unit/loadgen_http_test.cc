// The bodies of POST /sync, and what --http-sync goes with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "client/sync_body.h"
#include "config.h"
#include "exit_code.h"
#include "wire/http_sync.h"
#include "workload/op_encoder.h"

namespace topgun::loadgen {
namespace {

using testing::HasSubstr;

TEST(SyncBodyTest, TheServerReadsWhatIsWritten) {
  wire::SyncRequest request;
  const std::string empty = SyncBodyHead("0f3a9c-00002f", 1'700'000'000'123, 0);
  ASSERT_TRUE(wire::DecodeSyncRequest(empty, request).ok());
  EXPECT_EQ(request.client_id, "0f3a9c-00002f");
  EXPECT_EQ(request.client_hlc, (crdt::TimestampView{1'700'000'000'123, 0, "0f3a9c-00002f"}));
  EXPECT_TRUE(request.operations.empty());

  const KeySpace keys("m", MapType::kLww, 1, 10);
  const ValueMaker values(ValueKind::kJson, DataConfig().value_size, 1);
  const OpEncoder encoder(keys, values, 1, 2);
  std::string body = SyncBodyHead("c", 1, 2);
  for (uint64_t id = 7; id < 9; ++id) {
    Op op;
    op.key = id;
    op.id = id;
    op.stamp = {5, 0};
    encoder.Append(op, 0, body);
  }
  ASSERT_TRUE(wire::DecodeSyncRequest(body, request).ok());
  ASSERT_EQ(request.operations.size(), 2U);
  EXPECT_EQ(request.operations[0].error, "");
  EXPECT_EQ(request.operations[0].id, "7");
  EXPECT_EQ(request.operations[1].id, "8");
}

TEST(SyncBodyTest, WhatTheServerWritesIsRead) {
  wire::SyncResponse response;
  response.server_hlc = {1, 0, "n"};
  response.ack = wire::OpAckFrame{"17", {}, {}};
  std::string body;
  wire::EncodeSyncResponse(response, body);
  auto answer = DecodeSyncAnswer(body);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->last_id, "17");
  EXPECT_TRUE(answer->errors.empty());

  response.ack.reset();
  response.errors = {{403, "write access denied", "12"}, {429, "server overloaded", {}}};
  std::string refusal;
  wire::EncodeSyncResponse(response, refusal);
  answer = DecodeSyncAnswer(refusal);
  ASSERT_TRUE(answer.ok());
  EXPECT_FALSE(answer->last_id);
  ASSERT_EQ(answer->errors.size(), 2U);
  EXPECT_EQ(answer->errors[0].code, 403);
  EXPECT_EQ(answer->errors[0].context, "12");
  EXPECT_EQ(answer->errors[1].message, "server overloaded");
  EXPECT_EQ(answer->errors[1].context, "");
}

TEST(SyncBodyTest, EverythingElseIsRefused) {
  for (const std::string body : {"", "\xff", "\xc0", "\x81\xa3", "\x80\x80"}) {
    EXPECT_FALSE(DecodeSyncAnswer(body).ok());
  }
  EXPECT_TRUE(DecodeSyncAnswer("\x80").ok());
}

ParsedConfig ParseHttpSync(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), {"topgun-loadgen", "--no-auth", "--http-sync"});
  return ParseConfig(static_cast<int>(arguments.size()), arguments.data());
}

TEST(HttpSyncOptionTest, AConnectionHasOneRequestOnTheWay) {
  const auto parsed = ParseHttpSync({"--rate", "1k", "--disconnect-rate", "1", "--verify", "acks"});
  ASSERT_TRUE(parsed.config) << parsed.text;
  EXPECT_TRUE(parsed.config->target.http_sync);
  EXPECT_EQ(parsed.config->load.inflight, 1U);
}

TEST(HttpSyncOptionTest, WhatHasNoMeaningOverHttpIsRefused) {
  const std::vector<std::vector<const char*>> bad = {
      {"--subscribers", "1"},        {"--mix", "put=1,query=1"}, {"--write-concern", "PERSISTED"},
      {"--resend", "full"},          {"--duplicate", "0.1"},     {"--slow-reader", "10%"},
      {"--half-open", "10%"},        {"--inflight", "2"},        {"--scenario", "idle"},
      {"--scenario", "merkle-cold"}, {"--reorder", "5%"},
  };
  for (const auto& arguments : bad) {
    const auto parsed = ParseHttpSync(arguments);
    EXPECT_FALSE(parsed.config) << arguments[0];
    EXPECT_EQ(parsed.exit_code, kExitUsage);
    EXPECT_THAT(parsed.text, HasSubstr("--http-sync does not go with "));
    EXPECT_THAT(parsed.text, HasSubstr(arguments[0]));
  }
}

}  // namespace
}  // namespace topgun::loadgen
