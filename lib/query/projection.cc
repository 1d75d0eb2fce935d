#include "query/projection.h"

#include <algorithm>
#include <cstdint>

#include "msgpack/reader.h"
#include "msgpack/writer.h"
#include "query_part.h"

namespace topgun::query {

StatusOr<Projection> Projection::Parse(std::string_view fields) {
  Projection projection;
  ASSIGN_OR_RETURN(projection.fields_, ReadNames(fields, "fields", kFieldsMax));
  std::sort(projection.fields_.begin(), projection.fields_.end());
  return projection;
}

void Projection::Append(std::string_view value, std::string& out) const {
  msgpack::Reader reader(value);
  uint32_t count = 0;
  if (empty() || reader.Peek() != msgpack::Type::kMap || !reader.ReadMapHeader(&count)) {
    out.append(value);
    return;
  }
  // By field, so that of one the record has twice the last is kept.
  std::vector<std::string_view> kept(fields_.size());
  uint32_t size = 0;
  for (uint32_t i = 0; i < count; ++i) {
    std::string_view name;
    std::string_view raw;
    const bool named = reader.Peek() == msgpack::Type::kStr;
    if (!(named ? reader.ReadStr(&name) : reader.Skip()) || !reader.ReadRaw(&raw)) break;
    const auto field = std::lower_bound(fields_.begin(), fields_.end(), name);
    if (!named || field == fields_.end() || *field != name) continue;
    std::string_view& place = kept[static_cast<size_t>(field - fields_.begin())];
    if (place.empty()) ++size;
    place = raw;
  }
  msgpack::Writer writer(out);
  writer.MapHeader(size);
  for (size_t i = 0; i < kept.size(); ++i) {
    if (kept[i].empty()) continue;
    writer.Str(fields_[i]);
    writer.Raw(kept[i]);
  }
}

}  // namespace topgun::query
