#include "access/map_pattern.h"

#include <optional>

namespace topgun::gateway {
namespace {

// The segments of a name, one at a time.
class Segments {
 public:
  explicit Segments(std::string_view text) : rest_(text) {}

  bool done() const { return done_; }

  std::string_view Next() {
    const size_t dot = rest_.find('.');
    const std::string_view segment = rest_.substr(0, dot);
    done_ = dot == std::string_view::npos;
    rest_.remove_prefix(done_ ? rest_.size() : dot + 1);
    return segment;
  }

 private:
  std::string_view rest_;
  bool done_ = false;
};

}  // namespace

StatusOr<MapPattern> MapPattern::Parse(std::string_view text) {
  if (text.empty()) return InvalidArgument("must not be empty");
  if (text.size() > kBytesMax) {
    return InvalidArgument("must have at most " + std::to_string(kBytesMax) + " bytes");
  }
  MapPattern pattern;
  pattern.everything_ = text == "*";
  for (Segments segments(text); !segments.done();) {
    const std::string_view segment = segments.Next();
    if (segment == "*" || segment == "**") {
      pattern.segments_.push_back(
          {.kind = segment.size() == 1 ? Kind::kOne : Kind::kAny, .text = {}});
    } else {
      pattern.segments_.push_back({.kind = Kind::kLiteral, .text = std::string(segment)});
    }
  }
  return pattern;
}

// The usual walk of two pointers: after a mismatch the latest ** takes one segment more.
bool MapPattern::Matches(std::string_view map) const {
  if (everything_) return true;
  size_t at = 0;
  Segments name(map);
  std::optional<size_t> any;  // the latest **
  Segments retry(map);        // where the name goes on behind it
  while (!name.done()) {
    if (at < segments_.size() && segments_[at].kind == Kind::kAny) {
      any = at++;
      retry = name;
      continue;
    }
    const std::string_view segment = name.Next();
    if (at < segments_.size() &&
        (segments_[at].kind == Kind::kOne || segments_[at].text == segment)) {
      ++at;
      continue;
    }
    if (!any) return false;
    retry.Next();
    name = retry;
    at = *any + 1;
  }
  while (at < segments_.size() && segments_[at].kind == Kind::kAny) ++at;
  return at == segments_.size();
}

}  // namespace topgun::gateway
