// What says where the replicas of a service are: a literal address, a name, or a file.
//
//   10.0.0.7:9000  [fd00::7]:9000  unix:/path   the address itself
//   sync.topgun.svc:9000                        every A and AAAA record of the name, each a replica
//   file:/etc/topgun/sync                       a file with one of the above per line
//
// A source belongs to its resolver and is used on the resolver's thread alone.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "discovery/address.h"

namespace topgun::discovery {

class Source {
 public:
  virtual ~Source() = default;
  // As the operator wrote it, for logs.
  virtual const std::string& target() const = 0;
  // Never waits and never changes: a literal address.
  virtual bool literal() const { return false; }
  // Cheap, asked often: whether Read() would probably say something new.
  virtual bool Changed() { return false; }
  // Every replica there is now. May block for as long as the system's resolver takes. An error says
  // that it is not known, and an empty answer is an error.
  virtual StatusOr<Addresses> Read() = 0;
};

// Whether every target is one of those above. The message names the bad one; `setting` is in it.
Status CheckTargets(const std::string& setting, const std::vector<std::string>& targets);

// Whether it is a file, whose addresses are only known later.
bool NamesFile(const std::string& target);

// One source per target. The targets have passed CheckTargets().
std::vector<std::unique_ptr<Source>> MakeSources(const std::vector<std::string>& targets);

}  // namespace topgun::discovery
