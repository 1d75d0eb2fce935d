// The functions of one compilation unit, by address, and what was inlined into them.
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <string>
#include <vector>

namespace topgun::profiling {

// One function at an address. `call_file` and `call_line` say where the next outer one called it;
// they are set for inlined functions only.
struct DwarfScope {
  std::string name;          // with its scope, without parameters
  std::string linkage_name;  // may be empty
  std::string call_file;
  int call_line = 0;
};

class DwarfFunctions {
 public:
  // `unit` belongs to a Dwarf that outlives this.
  explicit DwarfFunctions(Dwarf_Die unit);

  // The innermost first, the function that holds the code last; empty when it is not described.
  std::vector<DwarfScope> At(Dwarf_Addr address) const;

 private:
  struct Range {
    Dwarf_Addr low;
    Dwarf_Addr high;
    Dwarf_Off function;
  };

  // A namespace or a class of one: the offsets of what is declared in it, and its full name.
  struct Parent {
    Dwarf_Off begin;
    Dwarf_Off end;
    std::string path;
  };

  // A function, which may have classes of its own: those of its lambdas.
  struct Subprogram {
    Dwarf_Off begin;
    Dwarf_Off end;
  };

  void Collect(Dwarf_Die parent, const std::string& path, Dwarf_Off end);
  void AddRanges(Dwarf_Die function);
  std::string NameOf(Dwarf_Die function) const;
  std::string EnclosingFunction(Dwarf_Off offset) const;
  DwarfScope ScopeOf(Dwarf_Die function) const;

  Dwarf* dwarf_;
  Dwarf_Die unit_;
  std::vector<Range> ranges_;            // sorted
  std::vector<Subprogram> subprograms_;  // in the order of the file
  std::vector<Parent> parents_;          // in the order of the file, so inner ones later
};

}  // namespace topgun::profiling
