// How a connection to Redis proves who it is and protects what it says. Values; any thread.
//
// Files are read at every connect, so a certificate or password that has been replaced is used from
// the next connection on.
#pragma once

#include <string>

#include "tls/credentials.h"

namespace topgun::redis {

struct TlsOptions {
  bool enabled = false;
  // `ca`: who vouches for the server; empty: the system's authorities. `certificate` and `key`: our
  // own, for a server that asks for one.
  tls::TlsFiles files = {};
  std::string server_name =
      {};  // what the server's certificate must be for; empty: host of the address
};

struct Security {
  std::string username = {};       // of an ACL user; empty: the user `default`
  std::string password = {};       // AUTH when this or the user name is set
  std::string password_file = {};  // read instead of `password` at every connect, when it can be
  TlsOptions tls = {};
};

}  // namespace topgun::redis
