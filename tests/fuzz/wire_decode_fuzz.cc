// Any bytes, to every decoder of lib/msgpack and lib/wire. Besides not crashing:
//   - what decodes is well-formed, and what is called malformed is not
//   - a decoded frame without invalid operations survives encoding and decoding unchanged
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "msgpack/reader.h"
#include "wire/batch.h"
#include "wire_reencode.h"

namespace topgun::wire {
namespace {

void Check(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "broken property: %s\n", what);
  std::abort();
}

void CheckAgainstValidate(const DecodeResult& result, bool valid) {
  Check(!result.ok() || valid, "a decoded frame is well-formed");
  const bool called_broken =
      result.error == DecodeError::kMalformed || result.error == DecodeError::kTooDeep;
  Check(!called_broken || !valid, "a frame called malformed is malformed");
}

bool HasInvalidOps(const ClientFrame& frame) {
  if (frame.type == FrameType::kClientOp) return !frame.client_op.op.error.empty();
  if (frame.type != FrameType::kOpBatch) return false;
  if (!frame.op_batch.error.empty()) return true;
  for (const Op& op : frame.op_batch.ops) {
    if (!op.error.empty()) return true;
  }
  return false;
}

void CheckAnswer(const ClientFrame& frame) {
  std::string answer;
  if (!EncodeFeatureAnswer(frame.type, frame.feature, answer)) return;
  Check(msgpack::Validate(answer).ok(), "the answer to a missing feature is well-formed");
}

void CheckClient(std::string_view bytes, bool valid) {
  ClientFrame frame;
  const DecodeResult result = Decode(bytes, frame);
  CheckAgainstValidate(result, valid);
  if (!result.ok()) return;
  if (frame.type == FrameType::kBatch) {
    BatchWalker walker(frame.batch.data);
    std::string_view item;
    ClientFrame inner;
    while (walker.Next(&item)) Decode(item, inner);
  }
  if (IsFeatureFrame(frame.type)) return CheckAnswer(frame);
  if (HasInvalidOps(frame)) return;
  const std::string once = EncodeClient(frame, OpLayout::kLibrary);
  ClientFrame again;
  Check(Decode(once, again).ok(), "an encoded client frame decodes");
  Check(EncodeClient(again, OpLayout::kLibrary) == once, "a client frame survives a round trip");
}

void CheckServer(std::string_view bytes, bool valid) {
  ServerFrame frame;
  const DecodeResult result = DecodeServerFrame(bytes, frame);
  CheckAgainstValidate(result, valid);
  if (!result.ok()) return;
  const std::string once = EncodeServer(frame);
  Check(msgpack::Validate(once).ok(), "an encoded server frame is well-formed");
}

}  // namespace
}  // namespace topgun::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const bool valid = topgun::msgpack::Validate(bytes).ok();
  topgun::wire::CheckClient(bytes, valid);
  topgun::wire::CheckServer(bytes, valid);
  return 0;
}
