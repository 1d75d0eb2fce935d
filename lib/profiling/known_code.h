// Functions of the C library that its symbol table does not name: what memcpy() and its like turn
// out to be on this machine is chosen when the program starts.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace topgun::profiling {

// By the address of their first instruction.
std::map<uint64_t, std::string> ChosenImplementations();

}  // namespace topgun::profiling
