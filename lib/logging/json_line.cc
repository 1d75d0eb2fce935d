#include "json_line.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/json_string.h"

namespace topgun::logging {
namespace {

void AppendNumber(std::string& out, auto number) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

struct ValueAppender {
  std::string& out;

  void operator()(std::string_view text) const { AppendJsonString(out, text); }
  void operator()(int64_t number) const { AppendNumber(out, number); }
  void operator()(uint64_t number) const { AppendNumber(out, number); }
  void operator()(bool flag) const { out += flag ? "true" : "false"; }
  void operator()(double number) const {
    if (std::isfinite(number)) {
      AppendNumber(out, number);
    } else {
      out += "null";  // JSON has no infinities
    }
  }
};

}  // namespace

std::string JsonMembers(std::string_view component, std::string_view message, Fields fields) {
  std::string out;
  out.reserve(256);
  out += "\"component\":";
  AppendJsonString(out, component);
  out += ",\"msg\":";
  AppendJsonString(out, message);
  for (const Field& field : fields) {
    out += ',';
    AppendJsonString(out, field.name);
    out += ':';
    std::visit(ValueAppender{out}, field.value.value());
  }
  return out;
}

}  // namespace topgun::logging
