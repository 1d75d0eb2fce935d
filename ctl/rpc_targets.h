// Whom to ask over gRPC: sync and storage services, from the command line. Values.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace topgun::ctl {

// One gRPC server.
struct RpcTarget {
  std::string name;     // "sync-0"; its address where no name is known
  std::string address;  // "10.0.0.7:9000", "unix:/path": never a name
  std::string host;     // that its certificate must be for, unless peer names are given
};

// [NAME=]ADDRESS, where an address is host:port, [v6]:port, unix:/path or file:/path of lines with
// these. Every address of a host or file is a target; NAME@ADDRESS where one name stands for
// several.
StatusOr<std::vector<RpcTarget>> ResolveRpcTargets(const std::vector<std::string>& texts);

// The one of this name or address; null when there is none.
const RpcTarget* FindRpcTarget(const std::vector<RpcTarget>& targets, const std::string& which);

}  // namespace topgun::ctl
