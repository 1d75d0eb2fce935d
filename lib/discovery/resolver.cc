#include "discovery/resolver.h"

#include <algorithm>
#include <random>
#include <utility>

#include "base/network_address.h"
#include "base/thread_name.h"
#include "logging/logging.h"
#include "lookup.h"
#include "probe.h"

namespace topgun::discovery {
namespace {

constexpr std::string_view kComponent = "discovery";

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Ordered by address; of an address that several names have, the first name.
void Normalize(Addresses& addresses) {
  std::sort(addresses.begin(), addresses.end());
  const auto same = [](const Address& a, const Address& b) { return a.address == b.address; };
  addresses.erase(std::unique(addresses.begin(), addresses.end(), same), addresses.end());
}

Status CheckOnThisMachine(const Addresses& addresses) {
  for (const Address& each : addresses) {
    if (StaysOnThisMachine(each.address)) continue;
    return FailedPrecondition(each.address +
                              " is on another machine, and there is no TLS; set it "
                              "up, or allow plain text with --allow-plaintext=grpc");
  }
  return OkStatus();
}

}  // namespace

Resolver::Resolver(ResolverOptions options, std::vector<std::unique_ptr<Source>> sources,
                   metrics::Registry& registry)
    : options_(std::move(options)),
      probe_(std::make_unique<ResolverProbe>(registry, options_.service)) {
  for (std::unique_ptr<Source>& source : sources) {
    origins_.push_back({.source = std::move(source), .last = {}});
    if (origins_.back().source->literal()) Read(origins_.back());
  }
  Publish();
}

Resolver::~Resolver() { Stop(); }

void Resolver::Start() {
  const bool literal = std::all_of(origins_.begin(), origins_.end(),
                                   [](const Origin& origin) { return origin.source->literal(); });
  if (!literal) thread_ = std::thread([this] { Run(); });
}

void Resolver::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

Addresses Resolver::Subscribe(Listener& listener) {
  const std::lock_guard lock(listeners_mutex_);
  listeners_.push_back(&listener);
  return known_;
}

void Resolver::Unsubscribe(Listener& listener) {
  const std::lock_guard lock(listeners_mutex_);
  std::erase(listeners_, &listener);
}

void Resolver::Hurry() {
  {
    const std::lock_guard lock(mutex_);
    hurried_ = true;
  }
  wake_.notify_one();
}

void Resolver::Run() {
  NameThread("resolver");
  LimitLookups();
  do {
    for (Origin& origin : origins_) {
      if (!origin.source->literal()) Read(origin);
    }
    Publish();
    last_read_ = steady_clock::now();
    pause_ = Jittered();
  } while (Wait());
}

bool Resolver::Wait() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const Time now = steady_clock::now();
    const Time due = last_read_ + (hurried_ ? std::min(options_.hurry_gap, pause_) : pause_);
    if (now >= due) {
      hurried_ = false;
      return true;
    }
    wake_.wait_until(lock, std::min(due, now + options_.look_every));
    lock.unlock();
    const bool changed = AnyChanged();
    lock.lock();
    if (changed && !stopping_) return true;
  }
  return false;
}

bool Resolver::AnyChanged() {
  return std::any_of(origins_.begin(), origins_.end(),
                     [](const Origin& origin) { return origin.source->Changed(); });
}

// Everybody who started at once, or lost the same replica, does not ask at once for ever.
milliseconds Resolver::Jittered() const {
  static thread_local std::minstd_rand random(std::random_device{}());
  const milliseconds fifth = options_.every / 5;
  std::uniform_int_distribution<milliseconds::rep> around(-fifth.count(), fifth.count());
  return options_.every + milliseconds(around(random));
}

void Resolver::Read(Origin& origin) {
  StatusOr<Addresses> found = origin.source->Read();
  if (found.ok() && found->empty()) found = Unavailable("it names nobody");
  if (found.ok() && options_.this_machine_only) {
    if (const Status allowed = CheckOnThisMachine(*found); !allowed.ok()) found = allowed;
  }
  if (!found.ok()) {
    probe_->ReadFailed();
    if (std::exchange(origin.failing, true)) return;  // said once
    logging::Warning(kComponent, "cannot tell where a service is, what was known stays",
                     {{"service", options_.service},
                      {"target", origin.source->target()},
                      {"reason", Message(found.status())},
                      {"known", origin.last.size()}});
    return;
  }
  if (std::exchange(origin.failing, false)) {
    logging::Info(kComponent, "a service is found again",
                  {{"service", options_.service}, {"target", origin.source->target()}});
  }
  Normalize(*found);
  if (*found == origin.last) return probe_->ReadSame();
  probe_->ReadChanged();
  origin.last = *std::move(found);
}

void Resolver::Publish() {
  Addresses all;
  for (const Origin& origin : origins_) {
    all.insert(all.end(), origin.last.begin(), origin.last.end());
  }
  Normalize(all);
  const size_t ignored = all.size() - std::min(all.size(), options_.addresses_max);
  all.resize(all.size() - ignored);
  probe_->Known(all.size(), ignored);
  if (ignored > 0 && !std::exchange(too_many_, true)) {
    logging::Warning(kComponent, "too many addresses, the last ones are not used",
                     {{"service", options_.service}, {"ignored", ignored}});
  }
  if (ignored == 0) too_many_ = false;
  const std::lock_guard lock(listeners_mutex_);
  if (all == known_) return;
  known_ = std::move(all);
  for (Listener* const listener : listeners_) listener->OnAddresses(known_);
}

}  // namespace topgun::discovery
