#include "domain/counter_views.h"

#include <utility>

#include "msgpack/writer.h"

namespace topgun::sync {

void CounterViews::Read(Shard& shard, std::string_view name, Callback<std::string> callback) {
  Entry* const entry = EntryFor(shard, name);
  if (entry == nullptr) {
    probe_.ViewRefused();
    return callback(ResourceExhausted("too many counters are being read"));
  }
  entry->view.WhenCurrent([this, entry, callback = std::move(callback)](const Status& status) {
    if (!status.ok()) return callback(status);
    bytes_ += entry->content.bytes();
    std::string state;
    msgpack::Writer writer(state);
    entry->content.state().Encode(writer);
    callback(std::move(state));
  });
}

CounterViews::Entry* CounterViews::EntryFor(Shard& shard, std::string_view name) {
  if (const auto it = views_.find(name); it != views_.end()) return it->second.get();
  if (Full()) DropIdle();
  if (Full()) return nullptr;
  return views_.emplace(std::string(name), std::make_unique<Entry>(shard, name, *this))
      .first->second.get();
}

void CounterViews::DropIdle() {
  bytes_ = 0;
  for (auto it = views_.begin(); it != views_.end();) {
    if (it->second->view.idle()) {
      views_.erase(it++);
    } else {
      bytes_ += it->second->content.bytes();
      ++it;
    }
  }
}

}  // namespace topgun::sync
