#include "dispatch/departures.h"

#include <random>
#include <utility>

#include "dispatch/connection.h"
#include "dispatch/connection_table.h"

namespace topgun::gateway {

void Departures::BeginDrain(std::vector<DrainSchedule::Item> items, const DrainOptions& options,
                            Time now) {
  options_ = options;
  begun_ = now;
  schedule_.emplace(std::move(items), options.window, std::random_device{}());
}

void Departures::CancelDrain() {
  schedule_.reset();
  std::erase_if(leaving_, [this](const Leaving& leaving) {
    if (leaving.cause != CloseCause::kShutdown) return false;
    if (Connection* const connection = table_.Find(leaving.id)) connection->Stay();
    return true;
  });
}

Departures::Time Departures::deadline() const {
  return begun_ + schedule_->window() + options_.patience;
}

bool Departures::Retire(ConnectionId id, std::chrono::milliseconds patience, Time now) {
  if (aged_ == kAgedPerTick) return false;
  ++aged_;
  Ask(id, CloseCause::kAged, patience, now);
  return true;
}

void Departures::Ask(ConnectionId id, CloseCause cause, std::chrono::milliseconds patience,
                     Time now) {
  leaving_.push_back({.id = id, .cause = cause, .close_at = now + patience});
}

void Departures::Tick(Time now) {
  aged_ = 0;
  if (schedule_) {
    while (const auto id = schedule_->TakeDue(now - begun_)) {
      Ask(*id, CloseCause::kShutdown, options_.patience, now);
    }
  }
  std::erase_if(leaving_, [&](const Leaving& leaving) {
    Connection* const connection = table_.Find(leaving.id);
    return connection == nullptr || connection->Leave(leaving.cause, now >= leaving.close_at);
  });
}

}  // namespace topgun::gateway
