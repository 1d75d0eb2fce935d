// Names the calling thread in ps, gdb and profiles; at most 15 characters count.
#pragma once

#include <pthread.h>

#include <string>
#include <string_view>

namespace topgun {

inline void NameThread(std::string_view name) {
  constexpr size_t kLengthMax = 15;
  pthread_setname_np(pthread_self(), std::string(name.substr(0, kLengthMax)).c_str());
}

}  // namespace topgun
