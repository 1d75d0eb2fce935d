// Stopping a process in order.
//
//   rpc::SignalWaiter signals;             // first line of main, before any thread
//   ...
//   signals.Wait();                        // until SIGTERM, SIGINT or RequestStop()
//   rpc::Drain drain(options.drain_timeout);
//   drain.Step("readiness", [&](auto) { server.SetServing(false); });
//   drain.Step("grpc", [&](auto left) { server.Shutdown(left); });
#pragma once

#include <chrono>
#include <functional>
#include <string_view>

namespace topgun::rpc {

// Takes SIGTERM, SIGINT and SIGHUP out of every thread started later, and ignores SIGPIPE (a closed
// peer is an error code here). One per process, made by main.
class SignalWaiter {
 public:
  SignalWaiter();
  SignalWaiter(const SignalWaiter&) = delete;
  SignalWaiter& operator=(const SignalWaiter&) = delete;

  // Returns the number of the signal that stops the process. From then on a second one ends it at
  // once, so that a drain that hangs can be interrupted. Meanwhile `on_hangup` runs for every
  // SIGHUP, which without one is ignored. Called once, on the thread that made the object.
  int Wait(const std::function<void()>& on_hangup = {});

  // Makes Wait() return, as if SIGTERM had arrived. Any thread.
  static void RequestStop();
};

// Runs the steps of a shutdown under one deadline, with a log line each. Steps after the deadline
// still run, with nothing left: they must then cancel instead of wait.
class Drain {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Drain(std::chrono::milliseconds timeout) : deadline_(Clock::now() + timeout) {}

  void Step(std::string_view name, const std::function<void(std::chrono::milliseconds left)>& run);
  std::chrono::milliseconds Left() const;  // never negative

 private:
  const Clock::time_point deadline_;
};

}  // namespace topgun::rpc
