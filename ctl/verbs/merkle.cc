// topgunctl merkle diff: whether two gateways or sync services see the same records of a map, and
// which differ.
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <string_view>
#include <thread>
#include <utility>

#include "backend/sync_reader.h"
#include "gateway_tree.h"
#include "merkle_walk.h"
#include "table.h"
#include "verbs/verbs.h"

namespace topgun::ctl {
namespace {

namespace json = boost::json;

constexpr std::string_view kRpcScheme = "grpc://";

// One of the two that are compared.
struct Side {
  std::string name;
  const char* role;  // gateway or sync
  ReadNodes read;
};

StatusOr<Side> SyncSide(const Session& session, const RpcTarget& target,
                        const MerkleDiffOptions& options) {
  ASSIGN_OR_RETURN(const RpcDialer dialer, session.Dialer({target}));
  const auto kind = options.kind == "or" ? state::CellKind::kOr : state::CellKind::kLww;
  return Side{target.name, "sync", TreeReaderOf(dialer.Dial(target), options.map, kind)};
}

// A sync service by its name or address, or as grpc://host:port; else a gateway.
StatusOr<Side> FindSide(const Session& session, const std::string& which,
                        const MerkleDiffOptions& options) {
  const auto known = session.rpc_targets();
  if (known.ok()) {
    const RpcTarget* const target = FindRpcTarget(*known, which);
    if (target != nullptr) return SyncSide(session, *target, options);
  } else if (session.names_rpc()) {
    return known.status();
  }
  if (which.starts_with(kRpcScheme)) {
    ASSIGN_OR_RETURN(const std::vector<RpcTarget> targets,
                     ResolveRpcTargets({which.substr(kRpcScheme.size())}));
    return SyncSide(session, targets.front(), options);
  }
  ASSIGN_OR_RETURN(const Gateway gateway, session.FindGateway(which));
  return Side{gateway.name, "gateway", TreeReaderOf(session, gateway, options.map, options.kind)};
}

// What differs twice in the same way: the rest was written between two questions.
StatusOr<MerkleDifference> Compare(const Side& left, const Side& right, double recheck_seconds) {
  ASSIGN_OR_RETURN(MerkleDifference first, CompareTrees(left.read, right.read));
  if (first.keys.empty() || recheck_seconds <= 0) return first;
  std::this_thread::sleep_for(std::chrono::duration<double>(recheck_seconds));
  ASSIGN_OR_RETURN(MerkleDifference second, CompareTrees(left.read, right.read));
  second.keys = Lasting(first.keys, second.keys);
  return second;
}

json::object Describe(const Side& side, int64_t root) {
  return {{side.role, side.name}, {"root", root}};
}

json::object Describe(const MerkleDiffOptions& options, const Side& left, const Side& right,
                      const MerkleDifference& difference) {
  json::array keys;
  for (size_t i = 0; i < std::min(difference.keys.size(), options.keys_max); ++i) {
    const KeyDifference& key = difference.keys[i];
    keys.push_back({{"key", key.key}, {"left", key.left}, {"right", key.right}});
  }
  return {{"map", options.map},
          {"kind", options.kind},
          {"left", Describe(left, difference.left_root)},
          {"right", Describe(right, difference.right_root)},
          {"equal", difference.keys.empty()},
          {"differing_keys", difference.keys.size()},
          {"keys", std::move(keys)}};
}

void PrintText(const MerkleDiffOptions& options, const Side& left, const Side& right,
               const MerkleDifference& difference) {
  if (difference.keys.empty()) {
    std::printf("%s is equal at %s and %s (root %08llx)\n", options.map.c_str(), left.name.c_str(),
                right.name.c_str(), static_cast<unsigned long long>(difference.left_root));
    return;
  }
  std::printf("%s differs in %zu keys below %zu leaves\n\n", options.map.c_str(),
              difference.keys.size(), difference.leaves);
  Table table({"KEY", left.name, right.name});
  for (size_t i = 0; i < std::min(difference.keys.size(), options.keys_max); ++i) {
    const KeyDifference& key = difference.keys[i];
    table.Add({key.key, key.left.empty() ? "-" : key.left, key.right.empty() ? "-" : key.right});
  }
  table.Print();
  if (difference.keys.size() > options.keys_max) {
    std::printf("... and %zu more (--keys N)\n", difference.keys.size() - options.keys_max);
  }
}

}  // namespace

int RunMerkleDiff(const Session& session, const MerkleDiffOptions& options) {
  const auto left = FindSide(session, options.between[0], options);
  if (!left.ok()) return Fail(left.status());
  const auto right = FindSide(session, options.between[1], options);
  if (!right.ok()) return Fail(right.status());
  const auto difference = Compare(*left, *right, options.recheck_seconds);
  if (!difference.ok()) return Fail(difference.status());
  if (session.json()) {
    PrintJson(Describe(options, *left, *right, *difference));
  } else {
    PrintText(options, *left, *right, *difference);
  }
  return difference->keys.empty() ? kYes : kNo;
}

}  // namespace topgun::ctl
