// Clients of the journal, changes of the cluster, and what is retained, between fakes.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway_fakes.h"
#include "state/cell.h"
#include "wire/client_encode.h"

namespace topgun::gateway {

inline constexpr int64_t kJournalNow = 1'700'000'000'000;  // of the harness' clock

// Says what it hears in a few letters per frame.
class JournalClient {
 public:
  explicit JournalClient(DispatchHarness& gateway)
      : gateway_(gateway), handler_(gateway.table.OnOpen(session)) {}
  ~JournalClient() {
    if (!closed_) Close();
  }
  JournalClient(const JournalClient&) = delete;
  JournalClient& operator=(const JournalClient&) = delete;

  void Close() {
    closed_ = true;
    handler_.OnClosed(CloseCause::kPeer);
  }
  void Subscribe(const wire::JournalSubscribeFrame& frame) {
    std::string bytes;
    wire::EncodeJournalSubscribe(frame, bytes);
    handler_.OnMessage(bytes, true);
  }
  // Of one map, or all.
  void SubscribeTo(std::optional<std::string_view> map, std::string_view id = "s",
                   uint8_t types = 0) {
    Subscribe({.request_id = id, .from_sequence = {}, .map = map, .types = types});
  }
  void SubscribeFrom(std::string_view sequence, std::optional<std::string_view> map = {},
                     std::string_view id = "s") {
    Subscribe({.request_id = id, .from_sequence = sequence, .map = map, .types = 0});
  }
  void Unsubscribe(std::string_view id = "s") {
    std::string bytes;
    wire::EncodeJournalUnsubscribe({.subscription_id = id}, bytes);
    handler_.OnMessage(bytes, true);
  }
  void Read(std::string_view from = "0", std::optional<uint32_t> limit = {},
            std::optional<std::string_view> map = {}) {
    std::string bytes;
    wire::EncodeJournalRead({.request_id = "r", .from_sequence = from, .limit = limit, .map = map},
                            bytes);
    handler_.OnMessage(bytes, true);
  }
  void Write(std::string_view key) {
    wire::Op op;
    op.kind = wire::OpKind::kPut;
    op.map = "m";
    op.key = key;
    op.value = "\x01";
    op.id = "1";
    op.has_id = true;
    op.has_timestamp = true;
    op.timestamp = {1, 0, "n"};
    std::string frame;
    wire::EncodeClientOp(op, frame);
    handler_.OnMessage(frame, true);
    origin = gateway_.sink.submitted.back().origin;
  }

  // e.g. "m:a -m:b answer[m:a m:b ...] error:403", a minus for removals.
  std::string Heard() {
    std::string text;
    for (const std::string& bytes : std::exchange(session.frames, {})) {
      wire::ServerFrame frame;
      EXPECT_TRUE(wire::DecodeServerFrame(bytes, frame).ok());
      if (!text.empty()) text.push_back(' ');
      text.append(Describe(frame));
    }
    return text;
  }

  FakeSession session;
  std::string origin = "another";

 private:
  static std::string Describe(const wire::JournalEventFrame& event) {
    EXPECT_EQ(event.value.empty(), event.type == wire::JournalType::kDelete);
    std::string text(event.type == wire::JournalType::kDelete ? "-" : "");
    return text.append(event.map).append(":").append(event.key);
  }
  static std::string Describe(const wire::ServerFrame& frame) {
    if (frame.type == wire::FrameType::kJournalEvent) return Describe(frame.journal_event);
    if (frame.type == wire::FrameType::kError) return "error:" + std::to_string(frame.error.code);
    if (frame.type != wire::FrameType::kJournalReadResponse) {
      return std::string(wire::Name(frame.type));
    }
    EXPECT_EQ(frame.journal_read_response.request_id, "r");
    std::string text = "answer[";
    for (const wire::JournalEventFrame& event : frame.journal_read_response.events) {
      if (text.back() != '[') text.push_back(' ');
      text.append(Describe(event));
    }
    return text.append(frame.journal_read_response.has_more ? " ...]" : "]");
  }

  DispatchHarness& gateway_;
  SessionHandler& handler_;
  bool closed_ = false;
};

struct Written {
  std::string key = "k";
  std::string map = "m";
  uint32_t shard = 0;
  uint64_t n = 10;
  int64_t ms = 0;  // commit time beyond kJournalNow
  bool tombstone = false;
  std::string origin = {};
  uint32_t index = 0;
  state::CellKind kind = state::CellKind::kLww;
  uint64_t incarnation = 1;
};

inline std::string CellOf(const Written& what) {
  state::CellView cell;
  cell.version = {what.incarnation, what.n};
  cell.commit_ms = kJournalNow + what.ms;
  cell.timestamp = {kJournalNow, 0, "n"};
  cell.tombstone = what.tombstone;
  cell.value = what.tombstone ? "" : "\x01";
  return state::EncodeCell(cell);
}

// What a read finds.
inline std::shared_ptr<JournalAnswer> AnswerOf(const std::vector<Written>& found,
                                               std::vector<state::Position> positions = {}) {
  auto answer = std::make_shared<JournalAnswer>();
  answer->positions = std::move(positions);
  for (const Written& what : found) {
    JournalRecord record{};
    record.map = answer->bytes.emplace_back(what.map);
    record.key = answer->bytes.emplace_back(what.key);
    EXPECT_TRUE(state::DecodeCell(answer->bytes.emplace_back(CellOf(what)), &record.cell));
    record.sequence = state::SequenceOf(record.cell, what.shard, what.index);
    answer->records.push_back(record);
  }
  return answer;
}

class GatewayJournalTest : public ::testing::Test {
 protected:
  explicit GatewayJournalTest(const JournalOptions& options = {})
      : gateway_(false, {}, {}, DispatchHarness::SingleNode(), {}, nullptr, {}, {}, options) {}

  void Happen(const Written& what) {
    const std::string cell = CellOf(what);
    gateway_.system_maps.OnChange({.map = what.map,
                                   .origin = what.origin,
                                   .kind = what.kind,
                                   .key = what.key,
                                   .cell = cell,
                                   .shard = what.shard,
                                   .position = {what.incarnation, what.n},
                                   .index = what.index});
  }
  // Until what has happened is told.
  void Settle() {
    gateway_.Tick();
    gateway_.Tick();
  }
  FakeJournal& reader() { return gateway_.journal_reader; }
  double Metric(const std::string& sample) {
    const std::string text = "\n" + gateway_.registry.Render();
    const size_t at = text.find("\n" + sample + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + sample.size() + 2));
  }

  DispatchHarness gateway_;
};

}  // namespace topgun::gateway
