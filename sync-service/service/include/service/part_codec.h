// ApplyPart columns to WritePart. Views point into the message, which `storage` keeps alive.
#pragma once

#include <memory>

#include "domain/write.h"
#include "topgun/sync/v1/sync.pb.h"

namespace topgun::sync {

// INVALID_ARGUMENT naming the column that is inconsistent. `done` is left empty.
StatusOr<WritePart> DecodePart(const v1::ApplyPart& part, std::shared_ptr<const void> storage);

// Bytes a part is charged with while it waits.
uint64_t PartBytes(const v1::ApplyPart& part);

}  // namespace topgun::sync
