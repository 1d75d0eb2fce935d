// Names of the functions and lines behind addresses of this process: functions inlined at an
// address by its DWARF, else whatever the symbol tables know.
//
// Reads the files of the program and its libraries, which takes a while (a second for a first
// thousand addresses) and memory until it is destroyed. Nothing in it is shared; use one object per
// profile, on one thread that has time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace topgun::profiling {

struct Frame {
  std::string function;     // topgun::gateway::Loop::Tick
  std::string system_name;  // as the linker knows it; may be empty
  std::string file;         // empty: not known
  int line = 0;
};

// A part of the address space that comes from one file.
struct Module {
  std::string file;
  std::string build_id;  // hexadecimal, may be empty
  uint64_t start = 0;
  uint64_t end = 0;
};

class Symbolizer {
 public:
  Symbolizer();
  ~Symbolizer();
  Symbolizer(const Symbolizer&) = delete;
  Symbolizer& operator=(const Symbolizer&) = delete;

  // The innermost inlined function first, the one that has the code last. Never empty: an address
  // that nothing is known about is called after its module.
  std::vector<Frame> Resolve(uint64_t address);
  std::vector<Module> Modules() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace topgun::profiling
