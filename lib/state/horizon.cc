#include "state/horizon.h"

#include "msgpack/reader.h"
#include "msgpack/writer.h"

namespace topgun::state {

std::string EncodeHorizon(const Horizon& horizon) {
  std::string out;
  msgpack::Writer writer(out);
  writer.ArrayHeader(2);
  writer.Int(horizon.commit_ms);
  writer.Int(horizon.millis);
  return out;
}

std::optional<Horizon> DecodeHorizon(std::string_view value) {
  msgpack::Reader reader(value);
  uint32_t count = 0;
  Horizon horizon;
  reader.ReadArrayHeader(&count);
  reader.ReadInt64(&horizon.commit_ms);
  reader.ReadInt64(&horizon.millis);
  if (!reader.ok() || count != 2) return std::nullopt;
  return horizon;
}

}  // namespace topgun::state
