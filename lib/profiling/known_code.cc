#include "known_code.h"

#include <dlfcn.h>

namespace topgun::profiling {

std::map<uint64_t, std::string> ChosenImplementations() {
  std::map<uint64_t, std::string> functions;
  for (const char* const name : {"memmove", "memcpy", "memset", "memcmp", "memchr", "memrchr",
                                 "strlen", "strcmp", "strchr", "strnlen", "strncmp"}) {
    // The same code may serve two of them: the first one names it.
    if (void* const code = dlsym(RTLD_DEFAULT, name); code != nullptr) {
      functions.try_emplace(reinterpret_cast<uint64_t>(code), name);
    }
  }
  return functions;
}

}  // namespace topgun::profiling
