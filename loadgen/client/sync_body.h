// Bodies of POST /sync (core.md 9.1) as a client that only writes makes and reads them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace topgun::loadgen {

// The whole of a request without operations, or with the encoded operations (workload/op_encoder.h)
// behind it. `now_ms`: the client's clock.
std::string SyncBodyHead(std::string_view client_id, int64_t now_ms, uint32_t op_count);

// Borrows from the body.
struct SyncBodyAnswer {
  struct Error {
    int64_t code = 0;
    std::string_view message;
    std::string_view context;  // the id of an operation; empty: of the whole
  };

  std::optional<std::string_view> last_id;  // of the acknowledgement
  std::vector<Error> errors;
};

StatusOr<SyncBodyAnswer> DecodeSyncAnswer(std::string_view body);

}  // namespace topgun::loadgen
