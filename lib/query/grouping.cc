#include "query/grouping.h"

#include <algorithm>
#include <array>

#include "msgpack/reader.h"
#include "query_part.h"

namespace topgun::query {
namespace {

constexpr std::string_view kCount = "count";
constexpr std::array<std::string_view, 4> kFunctions = {"sum", "min", "max", "avg"};

struct AggregationText {
  std::string_view function;
  std::optional<std::string_view> field;
};

StatusOr<AggregationText> ReadAggregation(msgpack::Reader& reader, const std::string& place) {
  uint32_t count = 0;
  if (reader.Peek() != msgpack::Type::kMap || !reader.ReadMapHeader(&count)) {
    return InvalidArgument(place + ": must be an object");
  }
  AggregationText read;
  for (uint32_t i = 0; i < count; ++i) {
    std::string_view name;
    std::string_view raw;
    if (!reader.ReadStr(&name) || !reader.ReadRaw(&raw)) {
      return InvalidArgument(place + ": must be an object with named fields");
    }
    if (name == "func") msgpack::Reader(raw).ReadStr(&read.function);
    if (name != "field" || msgpack::Reader(raw).Peek() == msgpack::Type::kNil) continue;
    if (!msgpack::Reader(raw).ReadStr(&read.field.emplace())) {
      return InvalidArgument(place + ".field: must be a text");
    }
  }
  return read;
}

}  // namespace

StatusOr<std::optional<Grouping>> Grouping::Parse(std::string_view group_by,
                                                  std::string_view aggregations) {
  Grouping grouping;
  ASSIGN_OR_RETURN(grouping.names_, ReadNames(group_by, "groupBy", kColumnsMax));
  if (grouping.names_.empty()) return std::optional<Grouping>();
  grouping.columns_ = grouping.names_.size();
  if (!IsAbsent(aggregations)) RETURN_IF_ERROR(grouping.ReadAggregations(aggregations));
  return std::optional<Grouping>(std::move(grouping));
}

std::optional<Grouping::Function> Grouping::FunctionOf(std::string_view word) {
  const auto* const found = std::find(kFunctions.begin(), kFunctions.end(), word);
  if (found == kFunctions.end()) return std::nullopt;
  return static_cast<Function>(found - kFunctions.begin());
}

Status Grouping::ReadAggregations(std::string_view aggregations) {
  msgpack::Reader reader(aggregations);
  uint32_t count = 0;
  if (reader.Peek() != msgpack::Type::kArray || !reader.ReadArrayHeader(&count)) {
    return InvalidArgument("aggregations: must be an array");
  }
  for (uint32_t i = 0; i < count; ++i) {
    const std::string place = PlaceOf("aggregations", i);
    ASSIGN_OR_RETURN(const AggregationText read, ReadAggregation(reader, place));
    if (read.function == kCount) continue;
    const std::optional<Function> function = FunctionOf(read.function);
    if (!function) {
      return InvalidArgument(place + ".func: must be one of count, sum, min, max, avg");
    }
    if (read.field) RETURN_IF_ERROR(Add(*function, read.function, *read.field));
  }
  return OkStatus();
}

Status Grouping::Add(Function function, std::string_view word, std::string_view field) {
  std::string name = std::string("__").append(word).append("_").append(field);
  for (const Aggregate& each : aggregates_) {
    if (each.name == name) return OkStatus();
  }
  if (aggregates_.size() == kAggregatesMax) return TooMany("aggregations", kAggregatesMax);
  const auto fields = names_.begin() + static_cast<std::ptrdiff_t>(columns_);
  const auto known = std::find(fields, names_.end(), field);
  const auto index = static_cast<size_t>(known - fields);
  if (known == names_.end()) names_.emplace_back(field);
  aggregates_.push_back({.function = function, .field = index, .name = std::move(name)});
  return OkStatus();
}

}  // namespace topgun::query
