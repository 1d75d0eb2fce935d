// May a principal read or write a map? (core.md 10)
//
// Implemented from the map policies; the dispatch layer and the HTTP endpoints ask before anything
// is read, applied or shown. One instance per loop, used on its thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "auth/token_verifier.h"

namespace topgun::gateway {

enum class Action : uint8_t { kRead, kWrite, kRemove };

enum class Decision : uint8_t {
  kAllow,
  kDeny,
  kUnknown,  // the policies are not read yet: wait for a limited time, then refuse for now
};

class AccessControl {
 public:
  enum class State : uint8_t {
    kUnknown,   // the policies are not read yet: Check() does not know either
    kOpen,      // no policy was ever created: all but the reserved maps may be read and written
    kEnforced,  // ask
  };

  virtual ~AccessControl() = default;

  // `value` is what `data.<field>` of conditions refers to: the MessagePack value that is being
  // written, empty for reads and removals.
  virtual Decision Check(const Principal& principal, Action action, std::string_view map,
                         std::string_view value) const = 0;
  // Grows with every change of the policies: decisions remembered from an older one are void.
  virtual uint64_t version() const = 0;

  // Whether there is anything to ask, for paths on which a call per operation would show. Names of
  // maps are validated there anyway.
  State state() const { return state_; }
  bool open() const { return state_ == State::kOpen; }

 protected:
  State state_ = State::kUnknown;
};

}  // namespace topgun::gateway
