#include "bucket_id.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "msgpack/reader.h"
#include "stable_hash.h"

namespace topgun::query {
namespace {

void AppendNumberPart(const ConditionValue& value, std::string& out) {
  int64_t whole = 0;
  uint64_t large = 0;
  if (msgpack::Reader(value.bytes).ReadInt64(&whole)) {
    out.append("I").append(std::to_string(whole));
  } else if (msgpack::Reader(value.bytes).ReadUint64(&large)) {
    out.append("I").append(std::to_string(large));
  } else {
    const double number =
        std::isnan(value.number) ? std::numeric_limits<double>::quiet_NaN() : value.number;
    out.append("F").append(std::to_string(std::bit_cast<uint64_t>(number)));
  }
  out.push_back(';');
}

}  // namespace

void AppendBucketPart(const ConditionValue& value, std::string& out) {
  using Kind = ConditionValue::Kind;
  switch (value.kind) {
    case Kind::kNull:
      out.push_back('N');
      return;
    case Kind::kBool:
      out.append(value.boolean ? "B1" : "B0");
      return;
    case Kind::kNumber:
      AppendNumberPart(value, out);
      return;
    case Kind::kString:
      out.append("S").append(std::to_string(value.bytes.size())).append(":").append(value.bytes);
      return;
    default:
      out.append("X").append(StableHashName(value.bytes));
  }
}

}  // namespace topgun::query
