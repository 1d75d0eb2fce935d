// The ops that the cases work on: what the stock client writes in the first row of
// docs/performance.md, PUTs of 200 bytes to 10 maps of 1 000 keys, 100 to a frame.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "crdt/timestamp.h"
#include "wire/op.h"

namespace topgun::micro {

inline constexpr size_t kOpsPerFrame = 100;
inline constexpr size_t kMaps = 10;
inline constexpr size_t kKeys = 1'000;
inline constexpr int64_t kNowMs = 1'700'000'000'000;

std::string MapName(size_t map);
std::string KeyName(size_t key);
std::string NodeName(size_t node);
// A record as an application packs it, encoded in 200 bytes.
std::string Value(size_t number);

// Owns the bytes of ops.
class Ops {
 public:
  // `count` ops of one kind with consecutive ids, of one client. Keys and maps are spread, the same
  // on every call.
  Ops(wire::OpKind kind, size_t count, size_t node = 0, size_t first = 0);
  Ops(const Ops&) = delete;
  Ops& operator=(const Ops&) = delete;

  const std::vector<wire::Op>& ops() const { return ops_; }
  // As a frame of the client library.
  std::string Frame() const;

 private:
  struct Bytes {
    std::string id;
    std::string map;
    std::string key;
    std::string tag;
    std::string value;
  };

  std::string node_;
  std::vector<Bytes> bytes_;
  std::vector<wire::Op> ops_;
};

}  // namespace topgun::micro
