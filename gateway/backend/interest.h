// The maps whose changes a loop wants, counted: live queries and a counter may want the same name.
//
// Owned by the WatchClient; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace topgun::gateway {

class Interest {
 public:
  struct Added {
    uint64_t number = 0;  // of the change that has the map
    bool is_new = false;  // this one
  };
  Added Add(const std::string& map) {
    Wanted& wanted = maps_[map];
    if (wanted.times++ > 0) return {wanted.since, false};
    wanted.since = ++last_change_;
    return {wanted.since, true};
  }
  // True when nobody wants the map any more: a change, too.
  bool Remove(const std::string& map) {
    const auto found = maps_.find(map);
    if (found == maps_.end() || --found->second.times > 0) return false;
    maps_.erase(found);
    ++last_change_;
    return true;
  }

  // Whether all maps are wanted for the journal (ChangeSource::WantAllMaps()), uncounted.
  Added WantAllMaps(bool wanted) {
    if (wanted == all_maps_) return {all_maps_since_, false};
    all_maps_ = wanted;
    all_maps_since_ = ++last_change_;
    return {all_maps_since_, true};
  }
  bool all_maps() const { return all_maps_; }

  uint64_t last_change() const { return last_change_; }
  template <typename Visit>
  void ForEach(Visit&& visit) const {
    for (const auto& [map, wanted] : maps_) visit(map);
  }

 private:
  struct Wanted {
    size_t times = 0;
    uint64_t since = 0;
  };

  std::map<std::string, Wanted> maps_;
  bool all_maps_ = false;
  uint64_t all_maps_since_ = 0;
  uint64_t last_change_ = 0;
};

// One change of interest in a request that was not sent yet. What the request says of the map is
// forgotten: adding and removing in one message would not say which came first.
template <typename Names>
void Supersede(const std::string& map, Names& earlier, Names& later) {
  for (int i = 0; i < earlier.size(); ++i) {
    if (earlier.Get(i) != map) continue;
    earlier.DeleteSubrange(i, 1);
    break;
  }
  *later.Add() = map;
}

}  // namespace topgun::gateway
