// Turns the texts of the command line into a Config and checks what they mean together.
#include "config.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "exit_code.h"
#include "options.h"

namespace topgun::loadgen {
namespace {

using std::chrono::milliseconds;

std::optional<uint64_t> ParseCount(const std::string& text) {
  const auto value = ParseRate(text);
  if (!value || *value != std::floor(*value)) return std::nullopt;
  return static_cast<uint64_t>(*value);
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

Status SetDuration(const char* name, const std::string& text, milliseconds& target) {
  const auto duration = ParseDuration(text);
  if (!duration) {
    return InvalidArgument(std::string(name) + ": expected a time like 30s, got " + text);
  }
  target = *duration;
  return OkStatus();
}

Status FinishKeys(const OptionTexts& texts, Config& config) {
  const auto keys = ParseCount(texts.keys);
  if (!keys || *keys > KeySpace::kKeysMax) {
    return InvalidArgument("--keys: not a number: " + texts.keys);
  }
  config.keys = *keys;
  if (texts.key_dist == "uniform") {
    config.key_distribution = KeyDistribution::kUniform;
  } else if (texts.key_dist == "seq") {
    config.key_distribution = KeyDistribution::kSequential;
  } else if (texts.key_dist.starts_with("zipf")) {
    config.key_distribution = KeyDistribution::kZipf;
    if (texts.key_dist != "zipf") {
      const auto theta =
          ParseRate(texts.key_dist.substr(std::min<size_t>(5, texts.key_dist.size())));
      if (!theta || *theta <= 0 || *theta >= 1) {
        return InvalidArgument("--key-dist: THETA must be between 0 and 1");
      }
      config.zipf_theta = *theta;
    }
  } else {
    return InvalidArgument("--key-dist: expected uniform, seq or zipf:THETA, got " +
                           texts.key_dist);
  }
  if (config.keys == 0 && config.key_distribution != KeyDistribution::kSequential) {
    return InvalidArgument("--keys 0 needs --key-dist seq");
  }
  return OkStatus();
}

Status FinishPids(const OptionTexts& texts, Config& config) {
  for (const std::string& entry : texts.pids) {
    if (entry.empty()) continue;
    const size_t equals = entry.find('=');
    int pid = 0;
    const char* const end = entry.data() + entry.size();
    if (equals == std::string::npos ||
        std::from_chars(entry.data() + equals + 1, end, pid).ptr != end || pid <= 0) {
      return InvalidArgument("--pids: expected NAME=PID, got " + entry);
    }
    config.processes.push_back({entry.substr(0, equals), pid});
  }
  return OkStatus();
}

Status FinishAuth(const OptionTexts& texts, Config& config) {
  if (const char* const secret = std::getenv("JWT_SECRET"); secret != nullptr) {
    config.jwt_secret = secret;
  }
  if (!texts.jwt_secret_file.empty()) {
    config.jwt_secret = ReadFile(texts.jwt_secret_file);
    if (config.jwt_secret.empty()) {
      return InvalidArgument("--jwt-secret-file: cannot read " + texts.jwt_secret_file);
    }
  }
  if (!config.no_auth && config.token.empty() && config.jwt_secret.empty()) {
    return InvalidArgument(
        "no token: set JWT_SECRET, --jwt-secret-file or --token, or say --no-auth");
  }
  return OkStatus();
}

// Rules over several options.
Status Check(const Config& config) {
  const bool has_lww = config.map_type != MapType::kOr;
  constexpr uint64_t kSnapshotRowsMax = 10'000;  // features.md 1.2
  if (config.verify == Verify::kAcks && config.keys == 0) {
    return InvalidArgument("--verify acks needs a bounded --keys");
  }
  if (config.verify == Verify::kAcks && has_lww && config.keys > kSnapshotRowsMax) {
    return InvalidArgument(
        "--verify acks: a snapshot holds 10000 rows at most; use more --maps with fewer --keys");
  }
  if (config.inject_loss > 0 && config.verify == Verify::kNone) {
    return InvalidArgument("--inject-loss needs --verify acks");
  }
  if (config.map_type == MapType::kMixed && config.maps < 2) {
    return InvalidArgument("--map-type mixed needs at least 2 --maps");
  }
  return OkStatus();
}

Status Finish(const OptionTexts& texts, Config& config) {
  for (const std::string& url : config.urls) {
    ASSIGN_OR_RETURN(Endpoint endpoint, ParseUrl(url));
    config.endpoints.push_back(std::move(endpoint));
  }
  RETURN_IF_ERROR(SetDuration("--duration", texts.duration, config.duration));
  RETURN_IF_ERROR(SetDuration("--warmup", texts.warmup, config.warmup));
  RETURN_IF_ERROR(SetDuration("--drain", texts.drain, config.drain_timeout));
  RETURN_IF_ERROR(SetDuration("--connect-timeout", texts.connect_timeout, config.connect_timeout));
  RETURN_IF_ERROR(SetDuration("--progress", texts.progress, config.progress));
  const auto rate = ParseRate(texts.rate);
  if (!rate || *rate < 0) return InvalidArgument("--rate: expected a rate like 50k");
  config.rate = *rate;
  const auto ops = ParseCount(texts.ops);
  if (!ops) return InvalidArgument("--ops: expected a number");
  config.ops = *ops;
  if (config.ops > 0) config.warmup = milliseconds(0);
  if (!texts.write_concern.empty()) {
    config.write_concern = wire::WriteConcernOf(texts.write_concern);
    if (!config.write_concern) {
      return InvalidArgument("--write-concern: unknown level " + texts.write_concern);
    }
  }
  config.threads = std::min(config.threads, config.connections);
  RETURN_IF_ERROR(FinishKeys(texts, config));
  RETURN_IF_ERROR(FinishPids(texts, config));
  RETURN_IF_ERROR(FinishAuth(texts, config));
  return Check(config);
}

}  // namespace

std::optional<double> ParseRate(const std::string& text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || !std::isfinite(value) || value < 0) return std::nullopt;
  const std::string_view suffix(unit, static_cast<size_t>(end - unit));
  if (suffix.empty()) return value;
  if (suffix == "k" || suffix == "K") return value * 1e3;
  if (suffix == "m" || suffix == "M") return value * 1e6;
  return std::nullopt;
}

std::optional<milliseconds> ParseDuration(const std::string& text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || !std::isfinite(value) || value < 0) return std::nullopt;
  const std::string_view suffix(unit, static_cast<size_t>(end - unit));
  const double factor = suffix == "ms" ? 1 : suffix == "s" ? 1e3 : suffix == "m" ? 60e3 : 0;
  if (factor == 0 && value != 0) return std::nullopt;
  return milliseconds(static_cast<int64_t>(value * factor));
}

ParsedConfig ParseConfig(int argc, const char* const* argv) {
  CommandLine line = ReadCommandLine(argc, argv);
  if (line.end) return {std::nullopt, *line.end, line.text};
  if (const Status status = Finish(line.texts, line.config); !status.ok()) {
    return {std::nullopt, kExitUsage,
            "topgun-loadgen: " + std::string(Message(status)) + "\nTry --help.\n"};
  }
  return {std::move(line.config), kExitOk, ""};
}

}  // namespace topgun::loadgen
