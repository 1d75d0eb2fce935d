#include "domain/feed_window.h"

#include <limits>
#include <string>
#include <type_traits>

namespace topgun::sync {

bool FeedEntry::Decode(const state::Position& at, std::string_view entry, uint64_t followed) {
  position = at;
  bytes = entry;
  trace = followed;
  return state::DecodeFeedEntry(bytes, &view);
}

void FeedWindow::Clear(const state::Position& start) {
  ring_.DropBefore(ring_.end());
  entries_ = 0;
  start_ = start;
}

void FeedWindow::Add(const FeedEntry& entry) {
  const Header header{entry.position, entry.trace, entry.view.wall_ms, entry.bytes.size()};
  const uint64_t needed = sizeof header + header.size;
  if (needed > ring_.capacity()) return Clear(entry.position);
  while (ring_.size() + needed > ring_.capacity()) DropOldest();
  static_assert(std::is_trivially_copyable_v<Header>);
  ring_.Append({reinterpret_cast<const char*>(&header), sizeof header});
  ring_.Append(entry.bytes);
  ++entries_;
}

bool FeedWindow::VisitAfter(const state::Position& after,
                            const std::function<void(const FeedEntry&)>& visit) const {
  if (after < start_) return false;
  return VisitSince(after, std::numeric_limits<int64_t>::min(), [&visit](const FeedEntry& entry) {
    visit(entry);
    return true;
  });
}

bool FeedWindow::VisitSince(const state::Position& after, int64_t since_ms,
                            const std::function<bool(const FeedEntry&)>& visit) const {
  FeedEntry entry;
  std::string bytes;
  for (uint64_t address = ring_.begin(); address < ring_.end();) {
    const Header header = HeaderAt(address);
    address += sizeof header;
    if (header.position > after && header.wall_ms >= since_ms) {
      bytes.resize(header.size);
      ring_.Read(address, bytes.size(), bytes.data());
      // It could be decoded when it came.
      if (entry.Decode(header.position, bytes, header.trace) && !visit(entry)) return false;
    }
    address += header.size;
  }
  return true;
}

std::optional<int64_t> FeedWindow::oldest_ms() const {
  if (entries_ == 0) return std::nullopt;
  return HeaderAt(ring_.begin()).wall_ms;
}

FeedWindow::Header FeedWindow::HeaderAt(uint64_t address) const {
  Header header;
  ring_.Read(address, sizeof header, reinterpret_cast<char*>(&header));
  return header;
}

void FeedWindow::DropOldest() {
  const Header oldest = HeaderAt(ring_.begin());
  ring_.DropBefore(ring_.begin() + sizeof oldest + oldest.size);
  start_ = oldest.position;
  --entries_;
}

}  // namespace topgun::sync
