#include "dwarf_functions.h"

#include <dwarf.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "function_name.h"

namespace topgun::profiling {
namespace {

// Calls visit(child) for every child, until one returns false.
template <typename Visit>
void ForEachChild(Dwarf_Die parent, Visit visit) {
  Dwarf_Die child;
  if (dwarf_child(&parent, &child) != 0) return;
  do {
    if (!visit(child)) return;
  } while (dwarf_siblingof(&child, &child) == 0);
}

std::string TextOf(Dwarf_Die& die, unsigned name) {
  Dwarf_Attribute attribute;
  const char* const text = dwarf_formstring(dwarf_attr_integrate(&die, name, &attribute));
  return text == nullptr ? std::string() : text;
}

std::optional<Dwarf_Word> NumberOf(Dwarf_Die& die, unsigned name) {
  Dwarf_Attribute attribute;
  Dwarf_Word number = 0;
  if (dwarf_formudata(dwarf_attr(&die, name, &attribute), &number) != 0) return std::nullopt;
  return number;
}

// The part of `die` that holds `address`: an inlined function, directly or within blocks.
std::optional<Dwarf_Die> InlinedAt(Dwarf_Die die, Dwarf_Addr address) {
  std::optional<Dwarf_Die> found;
  ForEachChild(die, [&](Dwarf_Die& child) {
    const int tag = dwarf_tag(&child);
    if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_lexical_block) return true;
    if (dwarf_haspc(&child, address) != 1) return true;
    found = tag == DW_TAG_inlined_subroutine ? child : InlinedAt(child, address);
    return !found;
  });
  return found;
}

}  // namespace

DwarfFunctions::DwarfFunctions(Dwarf_Die unit) : dwarf_(dwarf_cu_getdwarf(unit.cu)), unit_(unit) {
  Collect(unit, "", std::numeric_limits<Dwarf_Off>::max());
  std::sort(ranges_.begin(), ranges_.end(),
            [](const Range& a, const Range& b) { return a.low < b.low; });
}

// Functions with code are members of the unit or of a namespace; classes hold declarations.
void DwarfFunctions::Collect(Dwarf_Die parent, const std::string& path, Dwarf_Off end) {
  std::optional<size_t> last;  // the parent that the previous child is
  std::optional<Dwarf_Die> inner;
  std::optional<size_t> subprogram;  // the one that the previous child is
  const auto finish = [&](Dwarf_Off offset) {
    if (subprogram) subprograms_[*subprogram].end = offset;
    subprogram.reset();
    if (last) parents_[*last].end = offset;
    if (inner) Collect(*inner, std::string(parents_[*last].path), offset);
    last.reset();
    inner.reset();
  };
  ForEachChild(parent, [&](Dwarf_Die& child) {
    const Dwarf_Off offset = dwarf_dieoffset(&child);
    finish(offset);
    const int tag = dwarf_tag(&child);
    if (tag == DW_TAG_subprogram) {
      subprogram = subprograms_.size();
      subprograms_.push_back({offset, end});
      AddRanges(child);
    }
    if (tag != DW_TAG_namespace && tag != DW_TAG_class_type && tag != DW_TAG_structure_type) {
      return true;
    }
    const char* const name = dwarf_diename(&child);
    last = parents_.size();
    parents_.push_back(
        {offset, end, path + (name == nullptr ? "(anonymous namespace)" : name) + "::"});
    if (tag == DW_TAG_namespace) inner = child;
    return true;
  });
  finish(end);
}

void DwarfFunctions::AddRanges(Dwarf_Die function) {
  Dwarf_Addr base = 0;
  Dwarf_Addr low = 0;
  Dwarf_Addr high = 0;
  for (ptrdiff_t at = 0; (at = dwarf_ranges(&function, at, &base, &low, &high)) > 0;) {
    ranges_.push_back({low, high, dwarf_dieoffset(&function)});
  }
}

// Functions of one file have no name for the linker, which would hold the scope.
std::string DwarfFunctions::NameOf(Dwarf_Die function) const {
  Dwarf_Die declared = function;
  Dwarf_Attribute attribute;
  for (const unsigned link : {DW_AT_abstract_origin, DW_AT_specification}) {
    Dwarf_Die target;
    if (dwarf_attr(&declared, link, &attribute) != nullptr &&
        dwarf_formref_die(&attribute, &target) != nullptr) {
      declared = target;
    }
  }
  const Dwarf_Off offset = dwarf_dieoffset(&declared);
  const std::string name = TextOf(function, DW_AT_name);
  if (const std::string outer = EnclosingFunction(offset); !outer.empty()) {
    return outer + (name == "operator()" ? "::{lambda}" : "::" + name);
  }
  const auto parent = std::find_if(parents_.rbegin(), parents_.rend(), [&](const Parent& p) {
    return p.begin < offset && offset < p.end;
  });
  return (parent == parents_.rend() ? "" : parent->path) + name;
}

// The name of the function that has the class in which `offset` is declared; empty: there is none.
std::string DwarfFunctions::EnclosingFunction(Dwarf_Off offset) const {
  auto found = std::lower_bound(subprograms_.begin(), subprograms_.end(), offset,
                                [](const Subprogram& s, Dwarf_Off o) { return s.begin < o; });
  if (found == subprograms_.begin() || (--found)->end <= offset) return {};
  Dwarf_Die function;
  if (dwarf_offdie(dwarf_, found->begin, &function) == nullptr) return {};
  const std::string linkage_name = TextOf(function, DW_AT_linkage_name);
  return linkage_name.empty() ? NameOf(function) : FunctionName(linkage_name);
}

DwarfScope DwarfFunctions::ScopeOf(Dwarf_Die function) const {
  DwarfScope scope{.name = NameOf(function),
                   .linkage_name = TextOf(function, DW_AT_linkage_name),
                   .call_file = {}};
  if (dwarf_tag(&function) != DW_TAG_inlined_subroutine) return scope;
  scope.call_line = static_cast<int>(NumberOf(function, DW_AT_call_line).value_or(0));
  Dwarf_Die unit = unit_;
  Dwarf_Files* files = nullptr;
  size_t count = 0;
  const std::optional<Dwarf_Word> file = NumberOf(function, DW_AT_call_file);
  if (file && dwarf_getsrcfiles(&unit, &files, &count) == 0 && *file < count) {
    const char* const path = dwarf_filesrc(files, *file, nullptr, nullptr);
    if (path != nullptr) scope.call_file = path;
  }
  return scope;
}

std::vector<DwarfScope> DwarfFunctions::At(Dwarf_Addr address) const {
  auto range = std::upper_bound(ranges_.begin(), ranges_.end(), address,
                                [](Dwarf_Addr wanted, const Range& r) { return wanted < r.low; });
  if (range == ranges_.begin() || (--range)->high <= address) return {};
  Dwarf_Die die;
  if (dwarf_offdie(dwarf_, range->function, &die) == nullptr) return {};
  std::vector<DwarfScope> scopes = {ScopeOf(die)};
  for (std::optional<Dwarf_Die> inner = InlinedAt(die, address); inner;
       inner = InlinedAt(*inner, address)) {
    scopes.push_back(ScopeOf(*inner));
  }
  std::reverse(scopes.begin(), scopes.end());
  return scopes;
}

}  // namespace topgun::profiling
