// Ops that the cluster refuses for good: the reason comes before the ack (core.md 5.3, 5.4).
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "gateway_fakes.h"
#include "wire/client_encode.h"

namespace topgun::gateway {
namespace {

std::string PutsOf(const std::vector<std::string>& ids) {
  wire::OpBatchFrame batch;
  for (const std::string& id : ids) {
    wire::Op& op = batch.ops.emplace_back();
    op.kind = wire::OpKind::kPut;
    op.map = "m";
    op.key = id.empty() ? std::string_view("k") : std::string_view(id);
    op.value = "\x01";
    op.id = id;
    op.has_id = !id.empty();
    op.has_timestamp = true;
    op.timestamp = {1'000, 0, "client"};
  }
  std::string frame;
  wire::EncodeOpBatch(batch, frame);
  return frame;
}

class RejectedTest : public ::testing::Test {
 protected:
  RejectedTest() : handler_(gateway_.table.OnOpen(session_)) {}
  ~RejectedTest() override { handler_.OnClosed(CloseCause::kPeer); }

  void Send(const std::vector<std::string>& ids) { handler_.OnMessage(PutsOf(ids), true); }
  // Answers what was submitted: 'a'pplied or 'r'ejected.
  void Answer(std::string_view outcomes) {
    auto submitted = std::exchange(gateway_.sink.submitted, {});
    ASSERT_EQ(submitted.size(), outcomes.size());
    for (size_t i = 0; i < outcomes.size(); ++i) {
      gateway_.written.OnOpDone(submitted[i].ref,
                                outcomes[i] == 'a' ? OpOutcome::kApplied : OpOutcome::kRejected);
    }
  }
  wire::ServerFrame Frame(size_t index) {
    wire::ServerFrame frame;
    EXPECT_TRUE(wire::DecodeServerFrame(session_.frames[index], frame).ok());
    return frame;
  }

  DispatchHarness gateway_;
  FakeSession session_;
  SessionHandler& handler_;
};

TEST_F(RejectedTest, TheErrorComesFirstAndNamesThem) {
  Send({"1", "2", "3"});
  Answer("ara");
  ASSERT_EQ(session_.frames.size(), 3U);
  EXPECT_EQ(Frame(0).error.code, 409);
  EXPECT_EQ(Frame(0).error.message, "operation rejected: older than what is kept: 2");
  EXPECT_EQ(Frame(1).op_rejected.op_id, "2");
  EXPECT_EQ(Frame(1).op_rejected.code, 409);
  EXPECT_EQ(Frame(2).op_ack.last_id, "1");
  EXPECT_EQ(Frame(2).op_ack.results.size(), 2U);
}

TEST_F(RejectedTest, TheyAreToldInTheOrderOfTheFrames) {
  Send({"1"});
  Send({"2"});
  auto submitted = std::exchange(gateway_.sink.submitted, {});
  gateway_.written.OnOpDone(submitted[1].ref, OpOutcome::kRejected);
  EXPECT_TRUE(session_.frames.empty());
  gateway_.written.OnOpDone(submitted[0].ref, OpOutcome::kApplied);
  EXPECT_EQ(session_.TakeTypes(), "OP_ACK ERROR OP_REJECTED OP_ACK");
}

TEST_F(RejectedTest, OneThatCameTwiceIsToldOnce) {
  Send({"1"});
  Send({"1", "2"});
  Answer("ra");
  EXPECT_EQ(session_.TakeTypes(), "ERROR OP_REJECTED OP_ACK OP_ACK");
}

TEST_F(RejectedTest, OpsWithoutAnIdAreCounted) {
  Send({""});
  Answer("r");
  ASSERT_EQ(session_.frames.size(), 2U);
  EXPECT_EQ(Frame(0).error.message, "operation rejected: older than what is kept: 1 without id");
}

}  // namespace
}  // namespace topgun::gateway
