#include "http/admin_counts.h"

#include <memory>
#include <utility>

namespace topgun::gateway {
namespace {

class Counting : public std::enable_shared_from_this<Counting> {
 public:
  Counting(MapCounter& counter, std::vector<MapInfo> maps,
           std::function<void(StatusOr<MapCounts>)> done)
      : counter_(counter), maps_(std::move(maps)), counts_(maps_.size()), done_(std::move(done)) {}

  void Start() {
    if (maps_.empty()) return done_(MapCounts());
    while (next_ < maps_.size() && open_ < kCountsAtATime) CountNext();
  }

 private:
  void CountNext() {
    const size_t at = next_++;
    ++open_;
    counter_.Count(maps_[at].kind, maps_[at].map,
                   [self = shared_from_this(), at](const StatusOr<uint64_t>& count) {
                     self->OnCount(at, count);
                   });
  }

  void OnCount(size_t at, const StatusOr<uint64_t>& count) {
    --open_;
    if (count.ok()) {
      counts_[at] = *count;
    } else if (count.status().code() != StatusCode::kResourceExhausted) {
      next_ = maps_.size();
      if (failure_.ok()) failure_ = count.status();
    }
    if (next_ < maps_.size()) return CountNext();
    if (open_ > 0) return;
    if (failure_.ok()) return done_(std::move(counts_));
    done_(failure_);
  }

  MapCounter& counter_;
  const std::vector<MapInfo> maps_;
  MapCounts counts_;
  const std::function<void(StatusOr<MapCounts>)> done_;
  size_t next_ = 0;
  size_t open_ = 0;
  Status failure_;
};

}  // namespace

void CountMaps(MapCounter& counter, std::vector<MapInfo> maps,
               std::function<void(StatusOr<MapCounts>)> done) {
  std::make_shared<Counting>(counter, std::move(maps), std::move(done))->Start();
}

}  // namespace topgun::gateway
