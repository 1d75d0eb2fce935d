#include "hops/endpoint.h"

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace topgun::hops {
namespace {

constexpr uint64_t kEveryMax = 1'000'000;

Answer BadRequest(std::string_view problem) {
  return {.status = 400, .body = std::string(problem) + "\n"};
}

// `name=NUMBER`, alone. Nothing when it is anything else.
std::optional<uint64_t> NumberIn(std::string_view query, std::string_view name) {
  if (!query.starts_with(name) || query.size() <= name.size() || query[name.size()] != '=') {
    return std::nullopt;
  }
  query.remove_prefix(name.size() + 1);
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(query.data(), query.data() + query.size(), number);
  if (error != std::errc() || end != query.data() + query.size()) return std::nullopt;
  return number;
}

}  // namespace

Answer Serve(Recorder& recorder, std::string_view method, std::string_view query) {
  if (method == "POST") {
    const std::optional<uint64_t> every = NumberIn(query, "every");
    if (!every || *every > kEveryMax) return BadRequest("use ?every=N with N from 0 to 1000000");
    recorder.set_every(static_cast<uint32_t>(*every));
    return {.body = "every " + std::to_string(*every) + "\n"};
  }
  if (method != "GET") return {.status = 405, .body = "use GET or POST\n"};
  const std::optional<uint64_t> after = query.empty() ? uint64_t{0} : NumberIn(query, "after");
  if (!after) return BadRequest("use ?after=N, the number of the last record you have");
  return {.body = recorder.Render(*after), .content_type = "application/json"};
}

}  // namespace topgun::hops
