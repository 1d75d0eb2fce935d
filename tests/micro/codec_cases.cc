// lib/wire: frames as clients send them, and what goes back to them.
#include <memory>

#include "case.h"
#include "wire/client_frame.h"
#include "wire/server_encode.h"
#include "workload.h"

namespace topgun::micro {
namespace {

Case::Call DecodeCall(std::string frame) {
  auto decoded = std::make_shared<wire::ClientFrame>();
  return [frame = std::move(frame), decoded] { Keep(wire::Decode(frame, *decoded).error); };
}

Case DecodeBatch(std::string name, wire::OpKind kind) {
  return {.name = std::move(name), .items = kOpsPerFrame, .prepare = [kind] {
            return DecodeCall(Ops(kind, kOpsPerFrame).Frame());
          }};
}

// Calls `encode(out)` into one buffer that keeps its capacity.
template <typename Encode>
Case::Call EncodeCall(Encode encode) {
  return [encode, out = std::make_shared<std::string>()] {
    out->clear();
    encode(*out);
    Keep(out->data());
  };
}

Case::Call EncodeAck() {
  return EncodeCall([](std::string& out) {
    wire::OpAckFrame ack;
    ack.last_id = "1700000000";
    ack.achieved_level = wire::WriteConcern::kApplied;
    wire::EncodeOpAck(ack, out);
  });
}

Case::Call EncodeEvent() {
  const auto ops = std::make_shared<Ops>(wire::OpKind::kPut, 1);
  return EncodeCall([ops](std::string& out) {
    const wire::Op& op = ops->ops().front();
    wire::EventView event{
        .map = op.map, .key = op.key, .record = {}, .or_record = {}, .or_tag = {}};
    event.record = wire::LwwRecordView{.value = op.value, .timestamp = op.timestamp};
    wire::EncodeServerEvent(event, out);
  });
}

Case::Call EncodeQueryUpdate() {
  const auto ops = std::make_shared<Ops>(wire::OpKind::kPut, 1);
  return EncodeCall([ops](std::string& out) {
    const wire::Op& op = ops->ops().front();
    wire::EncodeQueryUpdateSuffix(op.key, op.value, wire::ChangeType::kUpdate, out);
  });
}

}  // namespace

void AddCodecCases(std::vector<Case>& cases) {
  cases.push_back(DecodeBatch("codec/decode_put", wire::OpKind::kPut));
  cases.push_back(DecodeBatch("codec/decode_remove", wire::OpKind::kRemove));
  cases.push_back(DecodeBatch("codec/decode_or_add", wire::OpKind::kOrAdd));
  cases.push_back({.name = "codec/encode_op_ack", .prepare = EncodeAck});
  cases.push_back({.name = "codec/encode_server_event", .prepare = EncodeEvent});
  cases.push_back({.name = "codec/encode_query_update", .prepare = EncodeQueryUpdate});
}

}  // namespace topgun::micro
