// A map's Merkle tree as a gateway's administration tells it.
#pragma once

#include <string>

#include "merkle_walk.h"
#include "session.h"

namespace topgun::ctl {

// For CompareTrees(). `kind` is lww or or. The session outlives the reader.
ReadNodes TreeReaderOf(const Session& session, const Gateway& gateway, const std::string& map,
                       const std::string& kind);

}  // namespace topgun::ctl
