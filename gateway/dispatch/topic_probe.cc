#include "dispatch/topic_probe.h"

#include <string>

namespace topgun::gateway {
namespace {

prometheus::Counter& LossCounter(metrics::Registry& registry, std::string reason) {
  return registry.AddCounter("gateway_publications_lost_total",
                             "Publications of clients lost on the way to a sync replica, by "
                             "reason; stream_ended: or may be.",
                             {{"reason", std::move(reason)}});
}

}  // namespace

TopicProbe::TopicProbe(metrics::Registry& registry)
    : topics_(registry.AddGauge("gateway_topics",
                                "Topics that connections subscribe, summed over the loops.")),
      subscriptions_(
          registry.AddGauge("gateway_topic_subscriptions", "Topic subscriptions of connections.")),
      published_(registry.AddCounter("gateway_publications_total",
                                     "Publications of clients handed to a sync replica.")),
      lost_without_replica_(LossCounter(registry, "no_replica")),
      lost_backed_up_(LossCounter(registry, "backed_up")),
      lost_with_stream_(LossCounter(registry, "stream_ended")),
      delivered_(registry.AddCounter("gateway_topic_messages_total",
                                     "TOPIC_MESSAGE frames queued for clients.")),
      slow_readers_(registry.AddCounter(
          "gateway_topic_messages_lost_total",
          "TOPIC_MESSAGE frames left out, because their clients read too slowly.",
          {{"reason", "slow_reader"}})) {}

void TopicProbe::PublishedAs(Published result) {
  switch (result) {
    case Published::kSent:
      return published_.Increment();
    case Published::kNoReplica:
      return lost_without_replica_.Increment();
    case Published::kBackedUp:
      return lost_backed_up_.Increment();
  }
}

}  // namespace topgun::gateway
