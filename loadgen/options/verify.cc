#include "options/verify.h"

#include "options/option_parser.h"

namespace topgun::loadgen {

void RegisterVerifyOptions(OptionParser& parser, VerifyConfig& verify) {
  parser.BeginGroup("Checks");
  parser.Choice<Verify>(
      "--verify", verify.mode, {{"none", Verify::kNone}, {"acks", Verify::kAcks}},
      "acks: read everything back at the end; nothing acknowledged may be missing");
  parser.Count("--inject-loss", verify.inject_loss,
               "Negative control: claim N acknowledgements that never came; the verification\n"
               "must then fail");
}

Status CheckVerify(const VerifyConfig& verify, const DataConfig& data) {
  constexpr uint64_t kSnapshotRowsMax = 10'000;  // features.md 1.2
  if (verify.inject_loss > 0 && verify.mode == Verify::kNone) {
    return InvalidArgument("--inject-loss needs --verify acks");
  }
  if (verify.mode == Verify::kNone) return OkStatus();
  if (data.keys == 0) return InvalidArgument("--verify acks needs a bounded --keys");
  if (data.map_type != MapType::kOr && data.keys > kSnapshotRowsMax) {
    return InvalidArgument(
        "--verify acks: a snapshot holds 10000 rows at most; use more --maps with fewer --keys");
  }
  return OkStatus();
}

}  // namespace topgun::loadgen
