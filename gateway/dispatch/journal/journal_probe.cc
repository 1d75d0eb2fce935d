#include "dispatch/journal/journal_probe.h"

#include <string>
#include <utility>

namespace topgun::gateway {
namespace {

prometheus::Counter& JournalEventCounter(metrics::Registry& registry, std::string way) {
  return registry.AddCounter("gateway_journal_events_total",
                             "Events of the journal sent to clients: pushed, replayed to new "
                             "subscriptions, in answers to reads.",
                             {{"way", std::move(way)}});
}

prometheus::Counter& JournalGapCounter(metrics::Registry& registry, std::string result) {
  return registry.AddCounter("gateway_journal_gaps_total",
                             "Gaps in watch streams while the journal was subscribed. Healed: the "
                             "events were read back; lost: some may not have been told.",
                             {{"result", std::move(result)}});
}

prometheus::Counter& JournalReadCounter(metrics::Registry& registry, std::string result) {
  return registry.AddCounter("gateway_journal_reads_total",
                             "Reads of the journal by clients, by result.",
                             {{"result", std::move(result)}});
}

}  // namespace

JournalProbe::JournalProbe(metrics::Registry& registry)
    : subscriptions_(registry.AddGauge("gateway_journal_subscriptions",
                                       "Subscriptions of the journal that clients hold.")),
      refused_(registry.AddCounter(
          "gateway_journal_refused_total",
          "Subscriptions and reads of the journal refused because a limit was reached.")),
      pushed_(JournalEventCounter(registry, "pushed")),
      lost_(registry.AddCounter(
          "gateway_journal_lost_total",
          "Events of the journal not pushed to clients that read too slowly; they can be read.")),
      replayed_(JournalEventCounter(registry, "replayed")),
      read_(JournalEventCounter(registry, "read")),
      late_(registry.AddCounter(
          "gateway_journal_late_total",
          "Events of the journal told after one with a greater sequence: they came too late.")),
      held_bytes_(registry.AddGauge("gateway_journal_held_bytes",
                                    "Bytes of events that are held back for their order.")),
      overfull_(registry.AddCounter(
          "gateway_journal_overfull_total",
          "Times events of the journal were told early, because too many were held back.")),
      gaps_healed_(JournalGapCounter(registry, "healed")),
      gaps_lost_(JournalGapCounter(registry, "lost")),
      replays_restarted_(registry.AddCounter(
          "gateway_journal_replays_restarted_total",
          "Replays that had to read again, because too much happened behind them.")),
      answered_(JournalReadCounter(registry, "ok")),
      failed_(JournalReadCounter(registry, "failed")) {}

}  // namespace topgun::gateway
