#include "function_name.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace topgun::profiling {
namespace {

constexpr std::string_view kAnonymous = "(anonymous namespace)";
constexpr std::string_view kOperator = "operator";
constexpr std::string_view kConstScope = " const::";

// The length of an operator's symbol when `text` begins with it; brackets in it are no brackets.
size_t OperatorLength(std::string_view text) {
  if (!text.starts_with(kOperator)) return 0;
  const std::string_view symbol = text.substr(kOperator.size());
  for (const std::string_view known :
       {"()", "<=>", "<<=", ">>=", "->*", "<<", ">>", "<=", ">=", "->", "<", ">"}) {
    if (symbol.starts_with(known)) return kOperator.size() + known.size();
  }
  return 0;
}

// The position behind the bracket that closes the one at `open`.
size_t Closing(std::string_view text, size_t open) {
  int depth = 0;
  for (size_t at = open; at < text.size();) {
    if (const size_t skipped = OperatorLength(text.substr(at)); skipped > 0) {
      at += skipped;
      continue;
    }
    const char c = text[at++];
    if (c == '(' || c == '<' || c == '{') ++depth;
    // A number of template arguments may be written with an arrow: (Enum)1->x never happens here.
    if ((c == ')' || c == '>' || c == '}') && --depth == 0) return at;
  }
  return text.size();
}

}  // namespace

std::string ShortenName(const std::string& demangled) {
  const std::string_view text = demangled;
  std::string name;
  for (size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    if (rest.starts_with(kAnonymous)) {
      name += kAnonymous;
      at += kAnonymous.size();
    } else if (const size_t length = OperatorLength(rest); length > 0) {
      name += rest.substr(0, length);
      at += length;
    } else if (rest.starts_with("{lambda(")) {
      // Its number within the function tells it from others: {lambda(int)#1}.
      at = Closing(text, at);
      const size_t number = text.substr(0, at).rfind('#');
      if (number != std::string_view::npos)
        name.append("{lambda").append(text.substr(number, at - number));
    } else if (rest.starts_with(kConstScope)) {  // of a lambda in a const function
      at += kConstScope.size() - 2;
    } else if (rest.starts_with("[abi:")) {
      at += std::min(rest.find(']'), rest.size() - 1) + 1;
    } else if (rest.front() == '(' || rest.front() == '<') {
      at = Closing(text, at);
    } else {
      name += text[at++];
    }
  }
  // Behind it, what the compiler did with it and qualifiers; in front, what a template returns.
  if (const size_t clone = name.find(" [clone "); clone != std::string::npos) name.resize(clone);
  for (const std::string_view suffix : {" const", " &", " &&", " "}) {
    if (std::string_view(name).ends_with(suffix)) name.resize(name.size() - suffix.size());
  }
  size_t begin = 0;
  for (size_t at = name.find(' '); at != std::string::npos; at = name.find(' ', at + 1)) {
    const std::string_view before(name.data(), at);
    if (!before.ends_with(kOperator) && !before.ends_with("(anonymous")) begin = at + 1;
  }
  return name.substr(begin);
}

std::string FunctionName(const std::string& system_name) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> demangled(
      abi::__cxa_demangle(system_name.c_str(), nullptr, nullptr, &status), &std::free);
  if (demangled == nullptr || status != 0) return system_name;
  return ShortenName(demangled.get());
}

}  // namespace topgun::profiling
