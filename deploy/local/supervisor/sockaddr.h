// An address of any family as the socket calls want it. Private to this folder.
#pragma once

#include <sys/socket.h>

namespace topgun::supervisor {

inline const sockaddr* AsSockaddr(const void* address) {
  return static_cast<const sockaddr*>(address);
}

}  // namespace topgun::supervisor
