#include <array>
#include <cmath>

#include "bucket_id.h"
#include "msgpack/writer.h"
#include "query/grouping.h"
#include "row_fields.h"

namespace topgun::query {
namespace {

void AppendColumn(const ConditionValue& value, std::string& out) {
  msgpack::Writer writer(out);
  switch (value.kind) {
    case ConditionValue::Kind::kNull:
      return writer.Nil();
    case ConditionValue::Kind::kString:
      return writer.Str(value.bytes);
    default:
      return writer.Raw(value.bytes);
  }
}

void AppendOrNil(std::string_view raw, msgpack::Writer& writer) {
  if (raw.empty()) return writer.Nil();
  writer.Raw(raw);
}

}  // namespace

bool GroupTable::Add(std::string_view key, std::string_view value) {
  std::array<ConditionValue, Grouping::kColumnsMax + Grouping::kAggregatesMax> found;
  FindRowFields(key, value, grouping_.names_, found);
  const std::span columns = std::span(found).first(grouping_.columns_);
  std::string bucket;
  for (const ConditionValue& column : columns) AppendBucketPart(column, bucket);
  Group* const group = FindOrAdd(bucket);
  if (group == nullptr) return false;
  if (group->count++ == 0) {
    for (const ConditionValue& column : columns) AppendColumn(column, group->columns);
  }
  for (size_t i = 0; i < group->fields.size(); ++i) {
    const ConditionValue& field = found[grouping_.columns_ + i];
    const bool number = field.kind == ConditionValue::Kind::kNumber && !std::isnan(field.number);
    if (number) group->fields[i].Take(field.number, field.bytes);
  }
  return true;
}

bool GroupTable::Merge(GroupTable&& other) {
  bool complete = true;
  for (auto& [bucket, theirs] : other.groups_) {
    Group* const ours = FindOrAdd(bucket);
    if (ours == nullptr) {
      complete = false;
      continue;
    }
    if (ours->count == 0) ours->columns = std::move(theirs.columns);
    ours->count += theirs.count;
    for (size_t i = 0; i < ours->fields.size(); ++i) {
      ours->fields[i].Take(std::move(theirs.fields[i]));
    }
  }
  other.groups_.clear();
  return complete;
}

GroupTable GroupTable::Split(size_t groups_max) {
  GroupTable some(grouping_);
  for (auto it = groups_.begin(); it != groups_.end() && some.size() < groups_max;) {
    some.groups_.insert(groups_.extract(it++));
  }
  return some;
}

// Null when there are too many.
GroupTable::Group* GroupTable::FindOrAdd(std::string_view bucket) {
  const auto found = groups_.find(ToAbsl(bucket));
  if (found != groups_.end()) return &found->second;
  if (groups_.size() == kGroupsMax) return nullptr;
  Group& added = groups_[std::string(bucket)];
  added.fields.resize(grouping_.names_.size() - grouping_.columns_);
  return &added;
}

void GroupTable::Numbers::Take(double number, std::string_view raw) {
  if (count == 0 || number < least) {
    least = number;
    min.assign(raw);
  }
  if (count == 0 || number > greatest) {
    greatest = number;
    max.assign(raw);
  }
  sum += number;
  ++count;
}

void GroupTable::Numbers::Take(Numbers&& other) {
  if (other.count == 0) return;
  if (count == 0) {
    *this = std::move(other);
    return;
  }
  if (other.least < least) {
    least = other.least;
    min = std::move(other.min);
  }
  if (other.greatest > greatest) {
    greatest = other.greatest;
    max = std::move(other.max);
  }
  sum += other.sum;
  count += other.count;
}

void GroupTable::ForEachRow(
    const std::function<void(std::string_view key, std::string_view value)>& visit) const {
  std::string row;
  for (const auto& [bucket, group] : groups_) {
    row.clear();
    AppendRow(bucket, group, row);
    visit(bucket, row);
  }
}

void GroupTable::AppendRow(std::string_view bucket, const Group& group, std::string& out) const {
  msgpack::Writer writer(out);
  writer.MapHeader(static_cast<uint32_t>(2 + grouping_.columns_ + grouping_.aggregates_.size()));
  msgpack::Reader columns(group.columns);
  for (size_t i = 0; i < grouping_.columns_; ++i) {
    std::string_view column;
    columns.ReadRaw(&column);
    writer.Str(grouping_.names_[i]);
    writer.Raw(column);
  }
  writer.Str("__key");
  writer.Str(bucket);
  writer.Str("__count");
  writer.Uint(group.count);
  for (const Grouping::Aggregate& aggregate : grouping_.aggregates_) {
    const Numbers& numbers = group.fields[aggregate.field];
    writer.Str(aggregate.name);
    switch (aggregate.function) {
      case Grouping::Function::kSum:
        writer.Number(numbers.sum);
        break;
      case Grouping::Function::kMin:
        AppendOrNil(numbers.min, writer);
        break;
      case Grouping::Function::kMax:
        AppendOrNil(numbers.max, writer);
        break;
      case Grouping::Function::kAvg:
        if (numbers.count == 0) {
          writer.Nil();
        } else {
          writer.Float64(numbers.sum / static_cast<double>(numbers.count));
        }
        break;
    }
  }
}

}  // namespace topgun::query
