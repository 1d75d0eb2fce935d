// A span: a piece of work of one process, with its begin, end and place in a trace. Values.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tracing/context.h"

namespace topgun::tracing {

// Spans have the times of the process's steady clock, which all that is followed has (lib/hops).
using Time = std::chrono::steady_clock::time_point;

inline constexpr size_t kLinksMax = 32;  // of one span; whoever adds them keeps to it

// Numbers as in OTLP.
enum class Kind : uint8_t { kInternal = 1, kServer = 2, kClient = 3, kProducer = 4, kConsumer = 5 };

struct Attribute {
  using Value = std::variant<std::string, int64_t, double, bool>;

  Attribute(std::string_view name_in, std::string_view text)
      : name(name_in), value(std::string(text)) {}
  Attribute(std::string_view name_in, const char* text)
      : Attribute(name_in, std::string_view(text)) {}
  Attribute(std::string_view name_in, bool flag) : name(name_in), value(flag) {}
  Attribute(std::string_view name_in, double number) : name(name_in), value(number) {}
  template <std::integral T>
  requires(!std::same_as<T, bool>) Attribute(std::string_view name_in, T number)
      : name(name_in), value(static_cast<int64_t>(number)) {}

  std::string_view name;  // a literal
  Value value;
};

struct Span {
  Context context;      // its own id, within its trace
  uint64_t parent = 0;  // 0: it is the root
  std::string name;
  Kind kind = Kind::kInternal;
  Time start;
  Time end;
  std::vector<Attribute> attributes = {};
  std::vector<Context> links = {};
  std::string error = {};  // not empty: it has failed, and why
};

}  // namespace topgun::tracing
