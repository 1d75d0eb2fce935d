// What one shard has of the journal (docs/journal.md): its recent entries in memory, and in Redis
// what came before them.
//
// Waits until the shard is open and has consumed everything committed before the call. Called on
// the shard's loop, which also runs the callback; the shard and the probe outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "domain/io.h"
#include "domain/probe.h"
#include "domain/shard.h"
#include "state/journal_page.h"

namespace topgun::sync {

struct JournalQuery {
  state::JournalSequence from = {};
  std::optional<std::string> map = {};  // nothing: all
  size_t events_max = 100;
  size_t bytes_max = size_t{256} << 10;  // of one shard's events; one event may be larger
  // Feed entries that are looked through for them.
  size_t entries_max = 1'024;
};

struct JournalEvent {
  state::JournalSequence sequence;
  std::string map;
  std::string key;
  std::string cell;  // encoded
};
inline size_t BytesOf(const JournalEvent& event) {
  return event.map.size() + event.key.size() + event.cell.size();
}

struct ShardJournal {
  uint32_t shard = 0;
  state::JournalPage<JournalEvent> page;
  state::Position position;  // everything up to there was considered
};

// `upto`: nothing that was committed after it. UNAVAILABLE: ask again.
void ReadJournal(Shard& shard, std::shared_ptr<const JournalQuery> query,
                 std::optional<state::Position> upto, Probe& probe,
                 Callback<ShardJournal> callback);

}  // namespace topgun::sync
