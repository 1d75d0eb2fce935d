// Writers hear which timestamp their re-stamped writes got.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "gateway_fakes.h"
#include "state/cell.h"

namespace topgun::gateway {
namespace {

class StampEchoTest : public ::testing::Test {
 protected:
  StampEchoTest() : handler_(&gateway_.table.OnOpen(session_)) {}
  ~StampEchoTest() override {
    if (handler_ != nullptr) handler_->OnClosed(CloseCause::kPeer);
  }

  // The cluster has re-stamped what the connection wrote to the key; empty: its removal.
  void Restamp(std::string_view key, std::string_view value = "\x01") {
    gateway_.written.OnRestamped({.connection = {.slot = 0, .generation = 1}, .op = 0},
                                 {.map = "m", .key = key, .value = value});
  }
  void Hold(std::string_view key, std::string_view value, int64_t millis) {
    state::CellView cell;
    cell.timestamp = {millis, 3, "n"};
    cell.value = value;
    cell.tombstone = value.empty();
    gateway_.cells.cells[{"m", std::string(key)}] = state::EncodeCell(cell);
  }
  // e.g. "PUT k=1@500 REMOVE k=@501", values as numbers.
  std::string Heard() {
    std::string text;
    for (const std::string& bytes : std::exchange(session_.frames, {})) {
      wire::ServerFrame frame;
      EXPECT_TRUE(wire::DecodeServerFrame(bytes, frame).ok());
      EXPECT_EQ(frame.type, wire::FrameType::kServerEvent);
      const wire::EventView& event = frame.event;
      const auto& record = event.record.value();
      if (!text.empty()) text.push_back(' ');
      text.append(Name(event.kind)).append(" ").append(event.key).append("=");
      for (const char c : record.value) text.append(std::to_string(static_cast<int>(c)));
      text.append("@").append(std::to_string(record.timestamp.millis));
    }
    return text;
  }

  DispatchHarness gateway_;
  FakeSession session_;
  SessionHandler* handler_;
};

TEST_F(StampEchoTest, TellsTheStoredRecord) {
  Hold("a", "\x01", 500);
  Hold("b", "", 600);
  Restamp("a");
  Restamp("b", "");
  gateway_.turns.Run();
  ASSERT_EQ(gateway_.cells.reads.size(), 1U);  // for both
  gateway_.cells.Answer();
  EXPECT_EQ(Heard(), "PUT a=1@500 REMOVE b=@600");
  gateway_.cells.Answer();
  EXPECT_EQ(Heard(), "");
  EXPECT_EQ(gateway_.stamp_echo.waiting(), 0U);
}

TEST_F(StampEchoTest, OvertakesTheOldStampWhenAnotherValueIsStored) {
  Hold("k", "\x02", 500);
  Restamp("k");
  gateway_.turns.Run();
  gateway_.cells.Answer();
  EXPECT_EQ(Heard(), "PUT k=1@499 PUT k=2@500");
}

// The change to 2 was told while the cell was read: the client has refused it.
TEST_F(StampEchoTest, TellsWhatHasChangedMeanwhile) {
  Hold("k", "\x01", 500);
  Restamp("k");
  gateway_.turns.Run();
  gateway_.cells.Answer();
  EXPECT_EQ(Heard(), "PUT k=1@500");
  Hold("k", "\x02", 510);
  gateway_.cells.Answer();
  EXPECT_EQ(Heard(), "PUT k=2@510");
  EXPECT_TRUE(gateway_.cells.reads.empty());
}

TEST_F(StampEchoTest, ShowsNothingOfOthersToAWriterThatMayNotRead) {
  Hold("k", "\x02", 500);
  gateway_.access.Deny(Action::kRead, "m");
  Restamp("k");
  gateway_.turns.Run();
  gateway_.cells.Answer();
  EXPECT_EQ(Heard(), "");
}

TEST_F(StampEchoTest, TriesAgainWhenCellsCannotBeRead) {
  Hold("k", "\x01", 500);
  Restamp("k");
  gateway_.turns.Run();
  gateway_.cells.Fail();
  EXPECT_TRUE(gateway_.cells.reads.empty());
  gateway_.Tick();
  ASSERT_EQ(gateway_.cells.reads.size(), 1U);
  gateway_.cells.Answer();
  EXPECT_EQ(Heard(), "PUT k=1@500");
}

TEST_F(StampEchoTest, ForgetsWritersThatHaveGone) {
  Hold("k", "\x01", 500);
  Restamp("k");
  gateway_.turns.Run();
  std::exchange(handler_, nullptr)->OnClosed(CloseCause::kPeer);
  gateway_.cells.Answer();
  EXPECT_TRUE(session_.frames.empty());
  Restamp("k");
  EXPECT_EQ(gateway_.stamp_echo.waiting(), 0U);
}

TEST_F(StampEchoTest, ClosesAConnectionForWhoseOpsThereIsNoRoom) {
  for (size_t i = 0; i < StampEcho::kWaitingMax; ++i) Restamp("k");
  EXPECT_FALSE(session_.closed);
  Restamp("k");
  EXPECT_EQ(session_.closed, CloseCause::kOverload);
  EXPECT_EQ(gateway_.stamp_echo.waiting(), StampEcho::kWaitingMax);
}

}  // namespace
}  // namespace topgun::gateway
