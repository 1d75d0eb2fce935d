// The metrics of a resolver. Private to this library; its thread only.
#pragma once

#include <cstddef>
#include <string>

#include "metrics/registry.h"

namespace topgun::discovery {

class ResolverProbe {
 public:
  ResolverProbe(metrics::Registry& registry, const std::string& service);

  void ReadSame() { same_.Increment(); }
  void ReadChanged() { changed_.Increment(); }
  void ReadFailed() { failed_.Increment(); }
  void Known(size_t addresses, size_t ignored) {
    known_.Set(static_cast<double>(addresses));
    ignored_.Set(static_cast<double>(ignored));
  }

 private:
  prometheus::Counter& same_;
  prometheus::Counter& changed_;
  prometheus::Counter& failed_;
  prometheus::Gauge& known_;
  prometheus::Gauge& ignored_;
};

}  // namespace topgun::discovery
