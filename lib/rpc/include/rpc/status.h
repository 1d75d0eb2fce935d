// Conversion between the statuses of gRPC and of TopGun. The codes are the same numbers; messages
// are cut at kStatusMessageBytesMax because they travel as an HTTP/2 header. Any thread.
#pragma once

#include <grpcpp/support/status.h>

#include <cstddef>

#include "base/status.h"

namespace topgun::rpc {

inline constexpr size_t kStatusMessageBytesMax = 1024;

Status FromGrpc(const grpc::Status& status);
grpc::Status ToGrpc(const Status& status);

}  // namespace topgun::rpc
