#include "rpc_targets.h"

#include <algorithm>
#include <memory>

#include "discovery/source.h"

namespace topgun::ctl {
namespace {

constexpr char kOption[] = "--rpc";

// The end of NAME=; 0 where there is none. Paths may hold a '=', names hold nothing of an address.
size_t NameEnd(const std::string& text) {
  const size_t end = text.find('=');
  return end == std::string::npos || text.find_first_of(":/[") < end ? 0 : end;
}

}  // namespace

StatusOr<std::vector<RpcTarget>> ResolveRpcTargets(const std::vector<std::string>& texts) {
  std::vector<RpcTarget> targets;
  for (const std::string& text : texts) {
    const size_t name_end = NameEnd(text);
    const std::string name = text.substr(0, name_end);
    const std::vector<std::string> address = {text.substr(name_end == 0 ? 0 : name_end + 1)};
    RETURN_IF_ERROR(discovery::CheckTargets(kOption, address));
    for (const auto& source : discovery::MakeSources(address)) {
      const auto found = source->Read();
      if (!found.ok()) {
        return InvalidArgument(std::string(kOption) + ": " + std::string(Message(found.status())));
      }
      for (const discovery::Address& one : *found) {
        std::string shown = one.address;
        if (!name.empty()) shown = found->size() == 1 ? name : name + "@" + one.address;
        targets.push_back({.name = std::move(shown), .address = one.address, .host = one.name});
      }
    }
  }
  return targets;
}

const RpcTarget* FindRpcTarget(const std::vector<RpcTarget>& targets, const std::string& which) {
  const auto found = std::find_if(targets.begin(), targets.end(), [&](const RpcTarget& target) {
    return target.name == which || target.address == which;
  });
  return found == targets.end() ? nullptr : &*found;
}

}  // namespace topgun::ctl
