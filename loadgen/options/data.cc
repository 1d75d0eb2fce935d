#include "options/data.h"

#include <algorithm>
#include <cmath>

#include "options/option_parser.h"
#include "options/values.h"

namespace topgun::loadgen {
namespace {

std::string PercentText(double share) { return RateText(share * 100) + "%"; }

void RegisterKeys(OptionParser& parser, DataConfig& data) {
  parser.Text("--map-prefix", "PREFIX", data.map_prefix, "Maps are PREFIX-lww-N and PREFIX-or-N");
  parser.Number("--maps", data.maps, 1, 65'535, "Number of maps");
  parser.Choice<MapType>("--map-type", data.map_type,
                         {{"lww", MapType::kLww}, {"or", MapType::kOr}, {"mixed", MapType::kMixed}},
                         "mixed: every second map is an OR map. --mix decides by itself");
  parser.Count("--keys", data.keys, "Keys per map; 0 with --key-dist seq: every key new");
  parser.Custom(
      "--key-dist", "DIST", KeyDistributionText(data.key_distribution),
      [&data](const std::string& text) {
        ASSIGN_OR_RETURN(data.key_distribution, ParseKeyDistribution(text));
        return OkStatus();
      },
      "uniform; zipf:THETA (0.99): few keys get most; hot:KEYS:OPS (1%:90%): that share\n"
      "of the keys gets that share of the operations; seq: one after the other;\n"
      "partitioned: no two connections share a key");
  parser.Flag("--preload", data.preload, "Write every key once before anything is measured");
}

void RegisterOps(OptionParser& parser, DataConfig& data) {
  parser.Custom(
      "--mix", "KIND=WEIGHT,...", "",
      [&data](const std::string& text) {
        ASSIGN_OR_RETURN(data.mix, ParseOpMix(text));
        return OkStatus();
      },
      "Shares of put, remove, or-add, or-remove, query (a query's snapshot, then its end)\n"
      "and rmw (a query, then a put of what it read); default: additions only");
  data.query_rows = 0;  // what every server answers
  parser.Number(
      "--query-rows", data.query_rows, 0, 10'000,
      "Rows that a query of the mix reads. 0: the whole map; 1: one key; more: a page in\n"
      "the order of keys. Needs a server that filters: others answer 501");
  parser.Share("--remove-ratio", data.remove_ratio, "Share of removals, without --mix");
  parser.Share("--ttl-ratio", data.ttl_ratio, "Share of the records that are written with a TTL");
  parser.Duration("--ttl", data.ttl, "The TTL of these");
  parser.Duration("--clock-skew", data.clock_skew,
                  "Each connection's clock is off by up to this much, either way");
}

void RegisterValues(OptionParser& parser, DataConfig& data) {
  parser.Custom(
      "--value-size", "SIZE", data.value_size.Text(),
      [&data](const std::string& text) {
        ASSIGN_OR_RETURN(data.value_size, ParseValueSize(text));
        return OkStatus();
      },
      "Bytes of encoded values: fixed:N (or N), uniform:FROM-TO, lognormal:MEDIAN:SIGMA");
  parser.Choice<ValueKind>(
      "--value-kind", data.value_kind,
      {{"json", ValueKind::kJson}, {"text", ValueKind::kText}, {"blob", ValueKind::kBlob}},
      "What values are");
  parser.Count("--seed", data.seed, "Of everything that is drawn: the same seed, the same work");
}

Status CheckDistribution(const DataConfig& data) {
  const KeyDistribution kind = data.key_distribution.kind;
  if (data.keys == 0 && kind != KeyDistribution::kSequential) {
    return InvalidArgument("--keys 0 needs --key-dist seq");
  }
  if (kind == KeyDistribution::kHot && data.keys < 2) {
    return InvalidArgument("--key-dist hot needs at least 2 --keys");
  }
  if (data.preload && data.keys == 0) return InvalidArgument("--preload needs a bounded --keys");
  return OkStatus();
}

}  // namespace

uint64_t DataConfig::hot_key_count() const {
  const double wanted = std::round(static_cast<double>(keys) * key_distribution.hot_keys);
  return std::clamp<uint64_t>(static_cast<uint64_t>(wanted), 1, std::max<uint64_t>(keys, 2) - 1);
}

void RegisterDataOptions(OptionParser& parser, DataConfig& data) {
  parser.BeginGroup("Data");
  RegisterKeys(parser, data);
  RegisterOps(parser, data);
  RegisterValues(parser, data);
}

Status FinishData(DataConfig& data) {
  constexpr int64_t kTtlMsMax = INT32_MAX;
  if (data.keys > KeySpace::kKeysMax) {
    return InvalidArgument("--keys: at most " + std::to_string(KeySpace::kKeysMax));
  }
  RETURN_IF_ERROR(CheckDistribution(data));
  if (!data.mix.empty()) {
    if (data.remove_ratio > 0) {
      return InvalidArgument("--remove-ratio does not go with --mix: give remove=WEIGHT there");
    }
    data.map_type = data.mix.Maps();
  }
  if (data.map_type == MapType::kMixed && data.maps < 2) {
    return InvalidArgument(std::string(data.mix.empty() ? "--map-type mixed" : "this --mix") +
                           " needs at least 2 --maps");
  }
  if (data.ttl_ratio > 0 && (data.ttl.count() < 1 || data.ttl.count() > kTtlMsMax)) {
    return InvalidArgument("--ttl-ratio needs a --ttl between 1 ms and 24 days");
  }
  return OkStatus();
}

StatusOr<KeyDistributionConfig> ParseKeyDistribution(const std::string& text) {
  const std::string name = text.substr(0, text.find(':'));
  const std::string rest = text.substr(std::min(text.size(), name.size() + 1));
  KeyDistributionConfig parsed;
  if (name == "zipf") {
    parsed.kind = KeyDistribution::kZipf;
    if (rest.empty()) return parsed;
    const auto theta = ParseRate(rest);
    if (!theta || *theta <= 0 || *theta >= 1) {
      return InvalidArgument("THETA must be between 0 and 1, got " + rest);
    }
    parsed.zipf_theta = *theta;
    return parsed;
  }
  if (name == "hot") {
    parsed.kind = KeyDistribution::kHot;
    if (rest.empty()) return parsed;
    const size_t colon = rest.find(':');
    ASSIGN_OR_RETURN(parsed.hot_keys, ParseShare(rest.substr(0, colon)));
    if (colon != std::string::npos) {
      ASSIGN_OR_RETURN(parsed.hot_share, ParseShare(rest.substr(colon + 1)));
    }
    if (parsed.hot_keys == 0 || parsed.hot_keys == 1) {
      return InvalidArgument("the share of hot keys must be between 0 and 1, got " + text);
    }
    return parsed;
  }
  if (text == "uniform") {
    parsed.kind = KeyDistribution::kUniform;
  } else if (text == "seq") {
    parsed.kind = KeyDistribution::kSequential;
  } else if (text == "partitioned") {
    parsed.kind = KeyDistribution::kPartitioned;
  } else {
    return InvalidArgument("expected uniform, zipf, hot, seq or partitioned, got " + text);
  }
  return parsed;
}

std::string KeyDistributionText(const KeyDistributionConfig& distribution) {
  switch (distribution.kind) {
    case KeyDistribution::kUniform:
      return "uniform";
    case KeyDistribution::kZipf:
      return "zipf:" + RateText(distribution.zipf_theta);
    case KeyDistribution::kHot:
      return "hot:" + PercentText(distribution.hot_keys) + ":" +
             PercentText(distribution.hot_share);
    case KeyDistribution::kPartitioned:
      return "partitioned";
    case KeyDistribution::kSequential:
      break;
  }
  return "seq";
}

}  // namespace topgun::loadgen
