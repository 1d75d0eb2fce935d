#include "workload/op_mix.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace topgun::loadgen {
namespace {

constexpr std::array<std::string_view, OpMix::kParts> kNames = {"put",       "remove", "or-add",
                                                                "or-remove", "query",  "rmw"};
constexpr uint64_t kWeightMax = 1'000'000;

std::string AllNames() {
  std::string all;
  for (const std::string_view name : kNames) all.append(all.empty() ? "" : ", ").append(name);
  return all;
}

}  // namespace

double OpMix::write_share() const {
  return empty() ? 1 : static_cast<double>(writes()) / static_cast<double>(total());
}

double OpMix::puts_per_read() const {
  if (reads() == 0) return 0;
  return static_cast<double>(weight(kReadModifyWrite)) / static_cast<double>(reads());
}

wire::OpKind OpMix::WriteAt(uint64_t number) const {
  if (number < weights_[kPut]) return wire::OpKind::kPut;
  number -= weights_[kPut];
  if (number < weights_[kRemove]) return wire::OpKind::kRemove;
  number -= weights_[kRemove];
  return number < weights_[kOrAdd] ? wire::OpKind::kOrAdd : wire::OpKind::kOrRemove;
}

MapType OpMix::Maps() const {
  if (or_writes() == 0) return MapType::kLww;
  return lww_writes() + reads() == 0 ? MapType::kOr : MapType::kMixed;
}

std::string OpMix::Text() const {
  std::string text;
  for (size_t part = 0; part < kParts; ++part) {
    if (weights_[part] == 0) continue;
    text.append(text.empty() ? "" : ",").append(kNames[part]);
    text.append("=").append(std::to_string(weights_[part]));
  }
  return text;
}

StatusOr<OpMix> ParseOpMix(const std::string& text) {
  OpMix mix;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view entry = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), entry.size() + 1));
    const size_t equals = std::min(entry.find('='), entry.size());
    const auto* const name = std::find(kNames.begin(), kNames.end(), entry.substr(0, equals));
    if (name == kNames.end()) {
      return InvalidArgument("unknown kind '" + std::string(entry.substr(0, equals)) +
                             "'; there are " + AllNames());
    }
    const std::string_view number = entry.substr(std::min(entry.size(), equals + 1));
    const char* const end = number.data() + number.size();
    uint64_t weight = 0;
    const auto [parsed, error] = std::from_chars(number.data(), end, weight);
    if (error != std::errc() || parsed != end || weight > kWeightMax) {
      return InvalidArgument("expected " + std::string(*name) + "=WEIGHT, got '" +
                             std::string(entry) + "'");
    }
    mix.weights_[static_cast<size_t>(name - kNames.begin())] = weight;
  }
  if (mix.empty()) return InvalidArgument("a mix needs at least one weight above 0");
  if (mix.weight(OpMix::kOrRemove) > 0 && mix.weight(OpMix::kOrAdd) == 0) {
    return InvalidArgument("or-remove needs or-add: only what was added can be removed");
  }
  return mix;
}

}  // namespace topgun::loadgen
