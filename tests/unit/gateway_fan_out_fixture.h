// A subscribing client and changes of the cluster, for tests of live queries.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "gateway_fakes.h"
#include "state/cell.h"
#include "wire/client_encode.h"

namespace topgun::gateway {

// A client that subscribes, and says what it hears in a few letters per frame.
class QueryClient {
 public:
  explicit QueryClient(DispatchHarness& gateway)
      : gateway_(gateway), handler_(gateway.table.OnOpen(session)) {}
  ~QueryClient() { handler_.OnClosed(CloseCause::kPeer); }
  QueryClient(const QueryClient&) = delete;
  QueryClient& operator=(const QueryClient&) = delete;

  // `query` is a MessagePack map, `fields` an array; empty: all rows, whole.
  void Subscribe(std::string_view query_id, std::string_view map = "m", std::string_view query = {},
                 std::string_view fields = {}) {
    wire::QuerySubFrame sub;
    sub.query_id = query_id;
    sub.map = map;
    sub.query = query;
    sub.fields = fields;
    std::string frame;
    wire::EncodeQuerySub(sub, frame);
    handler_.OnMessage(frame, true);
  }
  void Unsubscribe(std::string_view query_id) {
    std::string frame;
    wire::EncodeQueryUnsub({.query_id = query_id}, frame);
    handler_.OnMessage(frame, true);
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

  // e.g. "resp:q1[a b] event:PUT:a q1:ENTER:a"; a + behind the rows: there are more.
  std::string Heard(bool with_events = true) {
    std::string text;
    for (const std::string& bytes : std::exchange(session.frames, {})) {
      wire::ServerFrame frame;
      EXPECT_TRUE(wire::DecodeServerFrame(bytes, frame).ok());
      if (!with_events && frame.type == wire::FrameType::kServerEvent) continue;
      if (!text.empty()) text.push_back(' ');
      text.append(Describe(frame));
    }
    return text;
  }

  // The same without the events.
  std::string Told() { return Heard(false); }

  FakeSession session;
  std::string origin = "another";

 private:
  static std::string Describe(const wire::ServerFrame& frame) {
    std::string text;
    switch (frame.type) {
      case wire::FrameType::kQueryResp:
        text.append("resp:").append(frame.query_resp.query_id).append("[");
        for (const auto& row : frame.query_resp.results) {
          if (text.back() != '[') text.push_back(' ');
          text.append(row.key);
        }
        text.append(frame.query_resp.has_more ? "]+" : "]");
        if (frame.query_resp.cursor_status.value_or("none") != "none") {
          text.append(*frame.query_resp.cursor_status);
        }
        return text.append(frame.query_resp.code.value_or(""));
      case wire::FrameType::kServerEvent:
        return text.append("event:")
            .append(Name(frame.event.kind))
            .append(":")
            .append(frame.event.key);
      case wire::FrameType::kQueryUpdate:
        return text.append(frame.query_update.query_id)
            .append(":")
            .append(Name(frame.query_update.change))
            .append(":")
            .append(frame.query_update.key);
      case wire::FrameType::kError:
        return "error:" + std::to_string(frame.error.code);
      default:
        return std::string(Name(frame.type));
    }
  }

  DispatchHarness& gateway_;
  SessionHandler& handler_;
};

struct Happening {
  std::string key = "k";
  state::Position position{1, 10};
  std::string origin = {};
  bool was_live = false;
  bool tombstone = false;
  bool tell_origin = false;
  double ttl_ms = 0;
  std::string tag = {};  // makes it an OR cell
  uint32_t shard = 0;
};

class FanOutTest : public ::testing::Test {
 protected:
  void Happen(const Happening& what) {
    state::CellView cell;
    cell.version = what.position;
    cell.timestamp = {1'700'000'000'000 - 100, 0, "n"};
    cell.tombstone = what.tombstone;
    cell.has_ttl = what.ttl_ms > 0;
    cell.ttl_ms = what.ttl_ms;
    cell.value = what.tombstone ? "" : "\x01";
    const std::string bytes = state::EncodeCell(cell);
    gateway_.fan_out.OnChange(
        {.map = "m",
         .origin = what.origin,
         .kind = what.tag.empty() ? state::CellKind::kLww : state::CellKind::kOr,
         .was_live = what.was_live,
         .tell_origin = what.tell_origin,
         .key = what.key,
         .tag = what.tag,
         .cell = bytes,
         .shard = what.shard,
         .position = what.position});
  }
  // A client whose query q is settled on an empty snapshot at 1-5.
  void Settle(QueryClient& client) {
    client.Subscribe("q");
    gateway_.reader.Answer({}, {{1, 5}});
    EXPECT_EQ(client.Heard(), "resp:q[]");
  }

  DispatchHarness gateway_;
};

}  // namespace topgun::gateway
