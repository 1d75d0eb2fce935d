#include "profiling/symbolizer.h"

#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string_view>
#include <system_error>
#include <utility>

#include "dwarf_functions.h"
#include "function_name.h"
#include "known_code.h"

namespace topgun::profiling {
namespace {

// Debug information is looked for in the files themselves only: no search path, no network.
int NoDebugFile(Dwfl_Module*, void**, const char*, Dwarf_Addr, const char*, const char*, GElf_Word,
                char**) {
  return -1;
}

// A program that was built again while it runs has still its old file, but under no name.
int FindElf(Dwfl_Module* module, void** user, const char* name, Dwarf_Addr base, char** file,
            Elf** elf) {
  constexpr std::string_view kDeleted = " (deleted)";
  std::error_code error;
  const std::string program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error && program == name && program.ends_with(kDeleted)) {
    return open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  }
  return dwfl_linux_proc_find_elf(module, user, name, base, file, elf);
}

const Dwfl_Callbacks kCallbacks = {.find_elf = &FindElf,
                                   .find_debuginfo = &NoDebugFile,
                                   .section_address = nullptr,
                                   .debuginfo_path = nullptr};

std::string BaseName(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

std::string Hex(const unsigned char* bytes, size_t size) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < size; ++i) {
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

std::string HexNumber(uint64_t number) {
  std::array<char, 2 * sizeof(number)> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number, 16).ptr;
  return {text.data(), end};
}

// Of the function at `address`, as the unwind tables know it, which are never stripped; 0: unknown.
uint64_t FunctionStart(Dwfl_Module* module, uint64_t address) {
  Dwarf_Addr bias = 0;
  Dwarf_CFI* const tables = dwfl_module_eh_cfi(module, &bias);
  Dwarf_Frame* frame = nullptr;
  if (tables == nullptr || dwarf_cfi_addrframe(tables, address - bias, &frame) != 0) return 0;
  const std::unique_ptr<Dwarf_Frame, decltype(&std::free)> owned(frame, &std::free);
  Dwarf_Addr start = 0;
  Dwarf_Addr end = 0;
  bool is_signal = false;
  return dwarf_frame_info(frame, &start, &end, &is_signal) < 0 ? 0 : start + bias;
}

int AddModule(Dwfl_Module* module, void**, const char* name, Dwarf_Addr start, void* argument) {
  Module found{.file = name, .build_id = {}, .start = start};
  Dwarf_Addr end = 0;
  dwfl_module_info(module, nullptr, nullptr, &end, nullptr, nullptr, nullptr, nullptr);
  found.end = end;
  const unsigned char* bits = nullptr;
  GElf_Addr address = 0;
  GElf_Addr bias = 0;
  // The identity is only read once the file is.
  dwfl_module_getelf(module, &bias);
  if (const int size = dwfl_module_build_id(module, &bits, &address); size > 0) {
    found.build_id = Hex(bits, static_cast<size_t>(size));
  }
  static_cast<std::vector<Module>*>(argument)->push_back(std::move(found));
  return DWARF_CB_OK;
}

}  // namespace

struct Symbolizer::Impl {
  Dwfl* dwfl = nullptr;
  std::map<void*, DwarfFunctions> units;  // by the identity of libdw's unit

  const std::map<uint64_t, std::string> chosen = ChosenImplementations();

  std::vector<Frame> FromDwarf(Dwfl_Module* module, uint64_t address);
  Frame FromSymbols(Dwfl_Module* module, uint64_t address);
};

Symbolizer::Symbolizer() : impl_(std::make_unique<Impl>()) {
  impl_->dwfl = dwfl_begin(&kCallbacks);
  if (impl_->dwfl == nullptr) return;
  dwfl_linux_proc_report(impl_->dwfl, getpid());
  dwfl_report_end(impl_->dwfl, nullptr, nullptr);
}

Symbolizer::~Symbolizer() {
  if (impl_->dwfl != nullptr) dwfl_end(impl_->dwfl);
}

std::vector<Module> Symbolizer::Modules() const {
  std::vector<Module> modules;
  if (impl_->dwfl != nullptr) dwfl_getmodules(impl_->dwfl, &AddModule, &modules, 0);
  return modules;
}

std::vector<Frame> Symbolizer::Resolve(uint64_t address) {
  Dwfl_Module* const module =
      impl_->dwfl == nullptr ? nullptr : dwfl_addrmodule(impl_->dwfl, address);
  if (module == nullptr) return {{.function = "[unknown]", .system_name = {}, .file = {}}};
  std::vector<Frame> frames = impl_->FromDwarf(module, address);
  if (frames.empty()) frames.push_back(impl_->FromSymbols(module, address));
  return frames;
}

std::vector<Frame> Symbolizer::Impl::FromDwarf(Dwfl_Module* module, uint64_t address) {
  Dwarf_Addr bias = 0;
  Dwarf_Die* const unit = dwfl_module_addrdie(module, address, &bias);
  if (unit == nullptr) return {};
  const auto functions = units.try_emplace(unit->cu, *unit).first;
  std::string file;
  int line = 0;
  if (Dwfl_Line* const found = dwfl_module_getsrc(module, address); found != nullptr) {
    const char* const path = dwfl_lineinfo(found, nullptr, &line, nullptr, nullptr, nullptr);
    if (path != nullptr) file = path;
  }
  std::vector<Frame> frames;
  std::vector<DwarfScope> scopes = functions->second.At(address - bias);
  if (!scopes.empty() && scopes.back().linkage_name.empty()) {
    // Functions that only one file knows have their full name in the symbol table nevertheless.
    const char* const name = dwfl_module_addrname(module, address);
    if (name != nullptr) scopes.back().linkage_name = name;
  }
  for (DwarfScope& scope : scopes) {
    Frame frame{.function = scope.linkage_name.empty() ? ShortenName(scope.name)
                                                       : FunctionName(scope.linkage_name),
                .system_name = std::move(scope.linkage_name),
                .file = std::exchange(file, std::move(scope.call_file)),
                .line = std::exchange(line, scope.call_line)};
    if (!frame.function.empty()) frames.push_back(std::move(frame));
  }
  return frames;
}

Frame Symbolizer::Impl::FromSymbols(Dwfl_Module* module, uint64_t address) {
  GElf_Off offset = 0;
  GElf_Sym symbol{};
  const char* const name =
      dwfl_module_addrinfo(module, address, &offset, &symbol, nullptr, nullptr, nullptr);
  if (name != nullptr) return {.function = FunctionName(name), .system_name = name, .file = {}};
  const uint64_t start = FunctionStart(module, address);
  if (const auto found = chosen.find(start); found != chosen.end()) {
    return {.function = found->second, .system_name = {}, .file = {}};
  }
  Dwarf_Addr module_start = 0;
  const char* const file =
      dwfl_module_info(module, nullptr, &module_start, nullptr, nullptr, nullptr, nullptr, nullptr);
  // Where it begins tells the nameless functions of a library apart.
  std::string place = start == 0 ? "" : "+" + HexNumber(start - module_start);
  return {.function = "[" + BaseName(file) + place + "]", .system_name = {}, .file = {}};
}

}  // namespace topgun::profiling
