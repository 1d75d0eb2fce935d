// Operations as OP_BATCH frames over a Session.
#include <utility>

#include "client/op_channel.h"
#include "workload/op_encoder.h"

namespace topgun::loadgen {
namespace {

class FrameChannel final : public OpChannel, private Session::Listener {
 public:
  FrameChannel(boost::asio::io_context& io, Session::Options options, uint32_t batch,
               std::string_view write_concern, RunStats& stats, wire::ServerFrame& decoded,
               OpChannel::Listener& listener)
      : listener_(listener),
        session_(io, std::move(options), stats, decoded, *this),
        batch_(batch),
        tail_(OpBatchTail(write_concern)),
        full_head_(OpBatchHead(batch, !tail_.empty())) {}

  void Start() override { session_.Start(); }
  void Stop() override { session_.Stop(); }
  void Break() override { session_.Break(); }
  void GoAway() override { session_.GoAway(); }
  void ComeBack() override { session_.ComeBack(); }
  bool ready() const override { return session_.ready(); }
  bool CanSend() const override { return session_.ready(); }
  const std::string& refusal() const override { return session_.refusal(); }

  void SendOps(uint32_t count, std::string_view ops) override {
    const bool full = count == batch_;
    if (!full) head_ = OpBatchHead(count, !tail_.empty());
    session_.Send({full ? full_head_ : head_, ops, tail_});
  }
  void SendFrame(std::string_view frame) override { session_.Send({frame}); }

 private:
  void OnReady() override { listener_.OnReady(); }
  void OnFrame(const wire::ServerFrame& frame) override {
    if (frame.type == wire::FrameType::kOpAck) {
      listener_.OnAck(frame.op_ack);
    } else if (frame.type == wire::FrameType::kQueryResp) {
      listener_.OnAnswer(frame.query_resp);
    }
  }

  OpChannel::Listener& listener_;
  Session session_;
  const uint32_t batch_;
  const std::string tail_;       // the write concern
  const std::string full_head_;  // of a frame with exactly `batch_` operations
  std::string head_;
};

}  // namespace

std::unique_ptr<OpChannel> MakeFrameChannel(boost::asio::io_context& io, Session::Options options,
                                            uint32_t batch, std::string_view write_concern,
                                            RunStats& stats, wire::ServerFrame& decoded,
                                            OpChannel::Listener& listener) {
  return std::make_unique<FrameChannel>(io, std::move(options), batch, write_concern, stats,
                                        decoded, listener);
}

}  // namespace topgun::loadgen
