#include "scenario_run.h"

#include "driver/kill_loop.h"
#include "driver/run.h"
#include "fleet/connect_storm.h"
#include "fleet/idle_fleet.h"
#include "merkle/merkle_run.h"
#include "options/scenario.h"
#include "proxy/fault_proxy.h"

namespace topgun::loadgen {
namespace {

// Tells the fault proxy when the load begins, and when it ends: what is unacknowledged then must be
// able to come to its end.
class ProxyObserver final : public RunObserver {
 public:
  ProxyObserver(RunObserver* next, FaultProxy& proxy) : next_(next), proxy_(proxy) {}

  void OnInterval(const Interval& interval) override {
    if (next_ != nullptr) next_->OnInterval(interval);
  }
  void OnPhase(const std::string& name) override {
    if (name == "drain") {
      proxy_.Calm();
    } else if (name == "warm-up" || name == "measure") {
      proxy_.Rouse();
    }
    if (next_ != nullptr) next_->OnPhase(name);
  }
  bool OnConnected() override { return next_ == nullptr || next_->OnConnected(); }

 private:
  RunObserver* const next_;
  FaultProxy& proxy_;
};

// Lets the kill command run while load is measured, and notes in the course of the run when it did.
class KillObserver final : public RunObserver {
 public:
  KillObserver(RunObserver* next, KillLoop& kills) : next_(next), kills_(kills) {}

  void OnInterval(const Interval& interval) override {
    if (next_ == nullptr) return;
    Interval noted = interval;
    noted.kill_runs = kills_.TakeBegun();
    next_->OnInterval(noted);
  }
  void OnPhase(const std::string& name) override {
    name == "measure" ? kills_.Begin() : kills_.Calm();
    if (next_ != nullptr) next_->OnPhase(name);
  }
  bool OnConnected() override { return next_ == nullptr || next_->OnConnected(); }

 private:
  RunObserver* const next_;
  KillLoop& kills_;
};

template <typename Driver, typename... More>
RunReport ExecuteDriver(const Config& config, const std::atomic<bool>& interrupted,
                        const std::function<void(uint32_t)>& on_begin, More... more) {
  Driver driver(config, interrupted, more...);
  on_begin(driver.id());
  return driver.Execute();
}

RunReport RunDirectly(const Config& config, const std::atomic<bool>& interrupted,
                      RunObserver* observer, const std::function<void(uint32_t)>& on_begin) {
  switch (FindScenario(config.scenario)->kind) {
    case ScenarioKind::kMerkle:
      return ExecuteDriver<MerkleRun>(config, interrupted, on_begin, observer);
    case ScenarioKind::kIdle:
      return ExecuteDriver<IdleFleet>(config, interrupted, on_begin, observer);
    case ScenarioKind::kStorm:
      return ExecuteDriver<ConnectStorm>(config, interrupted, on_begin, observer);
    case ScenarioKind::kLoad:
      break;
  }
  return ExecuteDriver<Run>(config, interrupted, on_begin, observer);
}

RunReport RunThroughProxy(const Config& config, const std::atomic<bool>& interrupted,
                          RunObserver* observer, const std::function<void(uint32_t)>& on_begin) {
  if (!config.faults.proxy.any()) return RunDirectly(config, interrupted, observer, on_begin);
  FaultProxy proxy(config.faults.proxy, config.data.seed);
  Config proxied = config;
  if (const Status started = proxy.Start(&proxied.target.endpoints); !started.ok()) {
    RunReport report;
    report.unreachable = std::string(Message(started));
    Judge(config, &report);
    return report;
  }
  ProxyObserver watcher(observer, proxy);
  RunReport report = RunDirectly(proxied, interrupted, &watcher, on_begin);
  report.proxy = proxy.Stop();
  JudgeProxy(&report);
  return report;
}

}  // namespace

RunReport RunScenario(const Config& config, const std::atomic<bool>& interrupted,
                      RunObserver* observer, const std::function<void(uint32_t)>& on_begin) {
  if (config.faults.kill_command.empty()) {
    return RunThroughProxy(config, interrupted, observer, on_begin);
  }
  KillLoop kills(KillOptions(config));
  KillObserver watcher(observer, kills);
  RunReport report = RunThroughProxy(config, interrupted, &watcher, on_begin);
  report.kill = kills.Stop();
  JudgeKill(&report);
  return report;
}

}  // namespace topgun::loadgen
