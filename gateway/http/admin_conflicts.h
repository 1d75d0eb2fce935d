// GET /api/admin/conflicts/{map} and POST /api/admin/conflicts/{map}/restore: the writes that lost
// against others, as far as the sync replicas remember them, and writing one of them again.
#pragma once

#include <cstddef>
#include <cstdint>

#include "http/admin_access.h"
#include "http/admin_io.h"
#include "http/admin_restore.h"
#include "http/router.h"

namespace topgun::gateway {

inline constexpr uint32_t kConflictsDefault = 100;
inline constexpr uint32_t kConflictsMax = 1'000;
// Of the MessagePack in one answer; the rest of the list is cut off.
inline constexpr size_t kConflictBytesMax = size_t{4} << 20;

// {"conflicts":[{"key","value","removed","timestamp","winner","lostAt","ttlMs"?}..],"truncated",
// "replicas":{"asked","answered"}}, newest first.
HttpResponse ConflictsResponse(const LostWrites& lost, size_t limit);

// All references outlive the router.
void MountConflictEndpoints(Router& router, const AdminAccess& access, LoserReader& losers,
                            LoserRestore& restore);

}  // namespace topgun::gateway
