// What the kernel says about this process. Reads /proc at each call; any thread.
#pragma once

#include <cstdint>
#include <string>

namespace topgun::debug {

// Its arguments, separated by NUL as pprof expects them; passwords in URLs are masked.
std::string CommandLine();

// A table of its threads: id, name, state and the CPU time it has used.
std::string ThreadTable();

uint64_t ResidentBytes();

// scheme://user:password@host -> scheme://***@host, wherever it stands.
std::string MaskPasswords(std::string text);

}  // namespace topgun::debug
