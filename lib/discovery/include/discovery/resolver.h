// Knows where the replicas of one service are, and keeps looking.
//
// Every source is read again at an interval with jitter, soon after somebody has lost a connection
// (Hurry), and when a file has changed. What a source said last stays when it says nothing: a name
// server that is away takes nobody's replicas. One thread of its own does the reading, since the
// system's resolver blocks; a resolver of literal addresses alone needs none.
//
// Owned by the app and outlives its listeners. Start() and Stop() on the owner's thread, everything
// else on any. Stop() waits for a lookup that is under way, a few seconds while no name server
// answers: stop it last.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "discovery/address.h"
#include "discovery/source.h"
#include "metrics/registry.h"

namespace topgun::discovery {

class ResolverProbe;

struct ResolverOptions {
  std::string service;                    // "sync"; a label of the metrics
  std::chrono::milliseconds every{3000};  // between two readings, a fifth more or less
  // Least time between two readings, however many connections are lost.
  std::chrono::milliseconds hurry_gap{500};
  // How often files are looked at.
  std::chrono::milliseconds look_every{250};
  // There is no TLS and no leave to do without: an address elsewhere is a bad answer.
  bool this_machine_only = false;
  size_t addresses_max = 256;  // further ones are ignored, the same ones by everybody
};

class Resolver {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    // On the resolver's thread. Must not call Subscribe() or Unsubscribe().
    virtual void OnAddresses(const Addresses& addresses) = 0;
  };

  Resolver(ResolverOptions options, std::vector<std::unique_ptr<Source>> sources,
           metrics::Registry& registry);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  void Start();
  void Stop();

  // What is known now; the listener hears of every change after that.
  Addresses Subscribe(Listener& listener);
  // Returns when no call is running any more.
  void Unsubscribe(Listener& listener);

  // A connection was lost, so the replicas may have changed. Never blocks.
  void Hurry();

 private:
  using Time = std::chrono::steady_clock::time_point;

  struct Origin {
    std::unique_ptr<Source> source;
    Addresses last;  // what it said last
    bool failing = false;
  };

  void Run();
  // Until the sources are to be read; false: until the end.
  bool Wait();
  bool AnyChanged();
  void Read(Origin& origin);
  void Publish();
  std::chrono::milliseconds Jittered() const;

  const ResolverOptions options_;
  const std::unique_ptr<ResolverProbe> probe_;
  std::vector<Origin> origins_;  // the thread's, once it runs
  bool too_many_ = false;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  bool hurried_ = false;

  Time last_read_;
  std::chrono::milliseconds pause_{0};

  std::mutex listeners_mutex_;  // held while they are called
  std::vector<Listener*> listeners_;
  Addresses known_;

  std::thread thread_;
};

}  // namespace topgun::discovery
