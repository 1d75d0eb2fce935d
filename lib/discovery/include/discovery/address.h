// Where one replica of a service is reached. Values; any thread.
#pragma once

#include <compare>
#include <string>
#include <vector>

namespace topgun::discovery {

struct Address {
  std::string address;  // what a gRPC channel takes: 10.0.0.7:9000, [fd00::7]:9000, unix:/path
  std::string name;     // the host it was asked for, which a certificate has to name

  friend auto operator<=>(const Address&, const Address&) = default;
};

// Ordered, and no address twice.
using Addresses = std::vector<Address>;

}  // namespace topgun::discovery
