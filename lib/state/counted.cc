#include "state/counted.h"

#include <algorithm>
#include <cmath>

#include "msgpack/reader.h"
#include "msgpack/writer.h"

namespace topgun::state {
namespace {

bool IsAmount(double number) { return std::isfinite(number) && number >= 0; }

}  // namespace

std::string EncodeCounted(const Counted& counted) {
  std::string out;
  msgpack::Writer writer(out);
  writer.ArrayHeader(2);
  writer.Number(counted.positive);
  writer.Number(counted.negative);
  return out;
}

std::optional<Counted> DecodeCounted(std::string_view value) {
  msgpack::Reader reader(value);
  uint32_t count = 0;
  Counted counted;
  reader.ReadArrayHeader(&count);
  reader.ReadNumber(&counted.positive);
  reader.ReadNumber(&counted.negative);
  if (!reader.ok() || !reader.AtEnd() || count != 2) return std::nullopt;
  if (!IsAmount(counted.positive) || !IsAmount(counted.negative)) return std::nullopt;
  return counted;
}

Counted JoinOf(const Counted& a, const Counted& b) {
  return {std::max(a.positive, b.positive), std::max(a.negative, b.negative)};
}

}  // namespace topgun::state
