// Clients that count, and a cluster that answers when it is told to.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "crdt/pn_counter.h"
#include "gateway_fakes.h"
#include "state/cell.h"
#include "state/counted.h"
#include "support/vectors.h"
#include "wire/client_encode.h"

namespace topgun::gateway {

class CounterClient {
 public:
  explicit CounterClient(DispatchHarness& gateway)
      : gateway_(gateway), handler_(&gateway.table.OnOpen(session)) {}
  ~CounterClient() { Leave(); }
  CounterClient(const CounterClient&) = delete;
  CounterClient& operator=(const CounterClient&) = delete;

  void Request(std::string_view name = "likes") {
    std::string frame;
    wire::EncodeCounterRequest({.name = name, .state = {}}, frame);
    Send(frame);
  }
  // `state` is JSON.
  void Sync(std::string_view state, std::string_view name = "likes") {
    const std::string packed = support::ToMsgpack(support::ParseJson(state));
    std::string frame;
    wire::EncodeCounterSync({.name = name, .state = packed}, frame);
    Send(frame);
  }
  void Send(const std::string& frame) {
    handler_->OnMessage(frame, true);
    gateway_.turns.Run();
  }
  void Leave() {
    if (handler_ != nullptr) std::exchange(handler_, nullptr)->OnClosed(CloseCause::kPeer);
  }

  // e.g. "response:n1=5-1 update:n1=5-1,n2=0-2 error:403"; of nodes in their order.
  std::string Heard() {
    std::string text;
    for (const std::string& bytes : std::exchange(session.frames, {})) {
      wire::ServerFrame frame;
      EXPECT_TRUE(wire::DecodeServerFrame(bytes, frame).ok());
      text.append(text.empty() ? "" : " ").append(Describe(frame));
    }
    return text;
  }

  FakeSession session;

 private:
  static std::string Describe(const wire::ServerFrame& frame) {
    if (frame.type == wire::FrameType::kError) return "error:" + std::to_string(frame.error.code);
    const bool response = frame.type == wire::FrameType::kCounterResponse;
    if (!response && frame.type != wire::FrameType::kCounterUpdate) {
      return std::string(Name(frame.type));
    }
    return (response ? "response:" : "update:") + Text(frame.counter.state);
  }
  static std::string Text(std::string_view state) {
    const auto counter = crdt::PnCounter::Decode(state);
    EXPECT_TRUE(counter.ok());
    std::map<std::string, state::Counted> nodes;
    for (const auto& [node, amount] : counter->positive()) nodes[node].positive = amount;
    for (const auto& [node, amount] : counter->negative()) nodes[node].negative = amount;
    std::string text;
    for (const auto& [node, counted] : nodes) {
      text.append(text.empty() ? "" : ",").append(node).append("=");
      text += std::to_string(static_cast<int>(counted.positive)) + "-" +
              std::to_string(static_cast<int>(counted.negative));
    }
    return text;
  }

  DispatchHarness& gateway_;
  SessionHandler* handler_;
};

class CountersTest : public ::testing::Test {
 protected:
  explicit CountersTest(CounterOptions options = {})
      : gateway_(false, {}, {}, DispatchHarness::SingleNode(), {}, nullptr, options) {}

  // Answers the oldest read.
  void AnswerRead(const crdt::PnCounter& state) {
    ASSERT_FALSE(gateway_.counter_reader.reads.empty());
    gateway_.counter_reader.Answer(state);
    gateway_.turns.Run();
  }
  size_t Reads() const { return gateway_.counter_reader.reads.size(); }
  // What was submitted and is not answered, e.g. "likes/n1=5-1".
  std::string Submitted() const {
    std::string text;
    for (const FakeSink::Submitted& op : gateway_.sink.submitted) {
      const auto counted = state::DecodeCounted(op.value);
      EXPECT_TRUE(counted.has_value());
      text.append(text.empty() ? "" : " ").append(op.map).append("/").append(op.key).append("=");
      text += std::to_string(static_cast<int>(counted->positive)) + "-" +
              std::to_string(static_cast<int>(counted->negative));
    }
    return text;
  }
  void AnswerWrites(OpOutcome outcome = OpOutcome::kApplied) {
    gateway_.sink.Answer(gateway_.written, outcome);
    gateway_.turns.Run();
  }
  // A change as the cluster reports it.
  void Happen(const std::string& node, const state::Counted& counted,
              const std::string& name = "likes") {
    const std::string value = state::EncodeCounted(counted);
    state::CellView view;
    view.value = value;
    const std::string cell = state::EncodeCell(view);
    gateway_.system_maps.OnChange(
        {.map = name, .kind = state::CellKind::kCounter, .key = node, .cell = cell});
    gateway_.turns.Run();
  }
  uint32_t ShardOf(std::string_view name) {
    return state::ShardOf(name, gateway_.sink.shard_count());
  }
  bool Shows(const std::string& sample) {
    return gateway_.registry.Render().find("\n" + sample + "\n") != std::string::npos;
  }

  DispatchHarness gateway_;
};

}  // namespace topgun::gateway
