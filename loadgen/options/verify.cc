#include "options/verify.h"

#include "options/option_parser.h"

namespace topgun::loadgen {

void RegisterVerifyOptions(OptionParser& parser, VerifyConfig& verify) {
  parser.BeginGroup("Checks");
  parser.Choice<Verify>(
      "--verify", verify.mode,
      {{Name(Verify::kNone), Verify::kNone},
       {Name(Verify::kAcks), Verify::kAcks},
       {Name(Verify::kLive), Verify::kLive},
       {Name(Verify::kFull), Verify::kFull}},
      "acks: read everything back at the end; nothing acknowledged may be missing.\n"
      "live: the live queries of all --subscribers must show it. full: both");
  parser.Count("--inject-loss", verify.inject_loss,
               "Negative control: claim N acknowledgements that never came; the verification\n"
               "must then fail");
}

const char* Name(Verify mode) {
  switch (mode) {
    case Verify::kNone:
      return "none";
    case Verify::kAcks:
      return "acks";
    case Verify::kLive:
      return "live";
    case Verify::kFull:
      break;
  }
  return "full";
}

Status CheckVerify(const VerifyConfig& verify, const DataConfig& data,
                   const ClientsConfig& clients) {
  constexpr uint64_t kSnapshotRowsMax = 10'000;  // features.md 1.2
  constexpr uint64_t kLiveRowsMax = 20'000'000;  // kept in memory
  const std::string option = std::string("--verify ") + Name(verify.mode);
  if (verify.inject_loss > 0 && !verify.needs_ledger()) {
    return InvalidArgument("--inject-loss needs --verify");
  }
  if (!verify.needs_ledger()) return OkStatus();
  if (data.keys == 0) return InvalidArgument(option + " needs a bounded --keys");
  if (data.ttl_ratio > 0) {
    return InvalidArgument(option + " does not go with --ttl-ratio: records may go by themselves");
  }
  if (data.map_type != MapType::kOr && data.keys > kSnapshotRowsMax) {
    return InvalidArgument(
        option + ": a snapshot holds 10000 rows at most; use more --maps with fewer --keys");
  }
  if (!verify.watches()) return OkStatus();
  if (clients.subscribers == 0) return InvalidArgument(option + " needs --subscribers");
  if (data.map_type != MapType::kLww) {
    return InvalidArgument(option + " is about live queries, which OR maps do not have");
  }
  if (clients.subscribers * data.keys * data.maps > kLiveRowsMax) {
    return InvalidArgument(option + ": at most 20M rows over all subscribers; use fewer of them");
  }
  return OkStatus();
}

}  // namespace topgun::loadgen
