// What `status` and `doctor` say about gRPC servers. Pure, but for the table on stdout.
#pragma once

#include <vector>

#include <boost/json/array.hpp>

#include "backend/health.h"
#include "findings.h"
#include "session.h"

namespace topgun::ctl {

// All of these, asked at once.
StatusOr<std::vector<RpcLook>> LookAtRpc(const Session& session,
                                         const std::vector<RpcTarget>& targets);

boost::json::array Describe(const std::vector<RpcLook>& looks);
void PrintTable(const std::vector<RpcLook>& looks);

// The rules of `doctor` about them; none without servers.
std::vector<Finding> Judge(const std::vector<RpcLook>& looks);

}  // namespace topgun::ctl
