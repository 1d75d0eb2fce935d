// pncounter.json: every case but the frames, which belong to lib/wire; of those the states.
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "crdt/pn_counter.h"
#include "crdt_vectors.h"

namespace topgun::crdt {
namespace {

namespace json = boost::json;

const json::object& CounterVectors() { return support::LoadVectors("pncounter.json").as_object(); }

PnCounter::Amounts ReadAmounts(const json::value& side) {
  PnCounter::Amounts amounts;
  for (const auto& [node, amount] : side.as_object()) {
    amounts.emplace(std::string(node.data(), node.size()), amount.to_number<double>());
  }
  return amounts;
}

PnCounter ReadState(const json::value& state) {
  return PnCounter(ReadAmounts(state.at("p")), ReadAmounts(state.at("n")));
}

double Delta(const json::object& step) {
  const std::string op = String(step.at("op"));
  if (op == "increment") return 1;
  if (op == "decrement") return -1;
  EXPECT_EQ(op, "add");
  return step.at("delta").to_number<double>();
}

TEST(PnCounterVectors, Operations) {
  for (const json::value& item : CounterVectors().at("operations").as_array()) {
    SCOPED_TRACE(Name(item.as_object()));
    PnCounter counter = ReadState(item.at("start"));
    for (const json::value& step : item.at("steps").as_array()) {
      EXPECT_EQ(counter.Add(String(item.at("nodeId")), Delta(step.as_object())),
                step.at("returns").to_number<double>());
    }
    EXPECT_EQ(counter, ReadState(item.at("state")));
    EXPECT_EQ(counter.Value(), item.at("value").to_number<double>());
  }
}

TEST(PnCounterVectors, Merges) {
  for (const json::value& item : CounterVectors().at("merges").as_array()) {
    SCOPED_TRACE(Name(item.as_object()));
    PnCounter local = ReadState(item.at("local"));
    PnCounter remote = ReadState(item.at("remote"));
    const PnCounter merged = ReadState(item.at("merged"));
    EXPECT_EQ(local.Value(), item.at("localValue").to_number<double>());
    EXPECT_EQ(remote.Value(), item.at("remoteValue").to_number<double>());

    PnCounter forward = local;
    EXPECT_EQ(forward.Merge(remote), item.at("changed").as_bool());
    EXPECT_EQ(forward, merged);
    EXPECT_EQ(forward.Value(), item.at("value").to_number<double>());
    remote.Merge(local);
    EXPECT_EQ(remote == merged, item.at("commutes").as_bool());
  }
}

TEST(PnCounterVectors, Convergence) {
  PnCounter n1;
  PnCounter n2;
  PnCounter n3;
  n1.Add("n1", 5);
  n2.Add("n2", -2);
  n3.Add("n3", 1);
  n1.Merge(n2);
  n3.Merge(n1);
  n2.Merge(n3);
  n1.Merge(n3);
  const json::array& states = CounterVectors().at("convergence").at("states").as_array();
  ASSERT_EQ(states.size(), 3U);
  for (const PnCounter* counter : {&n1, &n2, &n3}) {
    EXPECT_EQ(*counter, ReadState(states[0].at("state")));
    EXPECT_EQ(counter->Value(), states[0].at("value").to_number<double>());
  }
}

TEST(PnCounterVectors, Serialization) {
  for (const json::value& item : CounterVectors().at("serialization").at("cases").as_array()) {
    SCOPED_TRACE(json::serialize(item));
    const PnCounter counter = ReadState(item.at("state"));
    std::string bytes;
    msgpack::Writer writer(bytes, msgpack::Rendering::kClient);
    counter.Encode(writer);
    EXPECT_EQ(ToHex(bytes), support::Text(item.at("hex")));
    const StatusOr<PnCounter> decoded = PnCounter::Decode(bytes);
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(*decoded == counter, item.at("roundTrip").as_bool());
  }
}

TEST(PnCounterVectors, StatesInFrames) {
  for (const json::value& frame : CounterVectors().at("frames").as_array()) {
    const json::value* state = frame.at("json").at("payload").as_object().if_contains("state");
    if (state == nullptr) continue;
    const StatusOr<PnCounter> counter = PnCounter::Decode(support::ToMsgpack(*state));
    ASSERT_TRUE(counter.ok()) << json::serialize(frame);
    const json::object& sides = state->as_object();
    EXPECT_EQ(counter->positive(),
              ReadAmounts(sides.contains("p") ? sides.at("p") : sides.at("positive")));
    EXPECT_EQ(counter->negative(),
              ReadAmounts(sides.contains("n") ? sides.at("n") : sides.at("negative")));
  }
}

}  // namespace
}  // namespace topgun::crdt
