#include "options/data.h"

#include "options/option_parser.h"
#include "options/values.h"

namespace topgun::loadgen {
namespace {

Status SetKeyDistribution(const std::string& text, DataConfig& data) {
  if (text == "uniform") {
    data.key_distribution = KeyDistribution::kUniform;
    return OkStatus();
  }
  if (text == "seq") {
    data.key_distribution = KeyDistribution::kSequential;
    return OkStatus();
  }
  if (text != "zipf" && !text.starts_with("zipf:")) {
    return InvalidArgument("expected uniform, seq or zipf:THETA, got " + text);
  }
  data.key_distribution = KeyDistribution::kZipf;
  if (text == "zipf") return OkStatus();
  const auto theta = ParseRate(text.substr(5));
  if (!theta || *theta <= 0 || *theta >= 1) {
    return InvalidArgument("THETA must be between 0 and 1");
  }
  data.zipf_theta = *theta;
  return OkStatus();
}

}  // namespace

void RegisterDataOptions(OptionParser& parser, DataConfig& data) {
  parser.BeginGroup("Data");
  parser.Text("--map-prefix", "PREFIX", data.map_prefix, "Maps are PREFIX-lww-N and PREFIX-or-N");
  parser.Number("--maps", data.maps, 1, 65'535, "Number of maps");
  parser.Choice<MapType>("--map-type", data.map_type,
                         {{"lww", MapType::kLww}, {"or", MapType::kOr}, {"mixed", MapType::kMixed}},
                         "mixed: every second map is an OR map");
  parser.Count("--keys", data.keys, "Keys per map; 0 with --key-dist seq: every key new");
  parser.Custom(
      "--key-dist", "DIST", "uniform",
      [&data](const std::string& text) { return SetKeyDistribution(text, data); },
      "uniform, seq, zipf or zipf:THETA");
  parser.Share("--remove-ratio", data.remove_ratio, "Share of removals");
  parser.Number("--value-size", data.value_bytes, ValueMaker::kBytesMin, 1U << 20,
                "Bytes of an encoded value");
  parser.Choice<ValueKind>(
      "--value-kind", data.value_kind,
      {{"json", ValueKind::kJson}, {"text", ValueKind::kText}, {"blob", ValueKind::kBlob}},
      "What values are");
  parser.Count("--seed", data.seed, "Of keys, values and removals");
}

Status FinishData(DataConfig& data) {
  if (data.keys > KeySpace::kKeysMax) {
    return InvalidArgument("--keys: at most " + std::to_string(KeySpace::kKeysMax));
  }
  if (data.keys == 0 && data.key_distribution != KeyDistribution::kSequential) {
    return InvalidArgument("--keys 0 needs --key-dist seq");
  }
  if (data.map_type == MapType::kMixed && data.maps < 2) {
    return InvalidArgument("--map-type mixed needs at least 2 --maps");
  }
  return OkStatus();
}

}  // namespace topgun::loadgen
