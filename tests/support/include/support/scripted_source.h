// A source of addresses that says what the test wants. Tests only.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "discovery/source.h"

namespace topgun::support {

// The test's end; outlives the source. Any thread.
class SourceScript {
 public:
  void Answer(StatusOr<discovery::Addresses> answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  void AnswerAt(const std::vector<std::string>& addresses) {
    discovery::Addresses answer;
    for (const std::string& address : addresses) answer.push_back({address, "name"});
    Answer(std::move(answer));
  }

  std::vector<std::unique_ptr<discovery::Source>> MakeSources();

  std::atomic<int> reads = 0;
  std::atomic<bool> changed = false;  // until it is read

 private:
  class ScriptedSource;

  std::mutex mutex_;
  StatusOr<discovery::Addresses> answer_ = discovery::Addresses();
};

class SourceScript::ScriptedSource final : public discovery::Source {
 public:
  explicit ScriptedSource(SourceScript& script) : script_(script) {}

  const std::string& target() const override { return target_; }
  bool Changed() override { return script_.changed; }
  StatusOr<discovery::Addresses> Read() override {
    const std::lock_guard lock(script_.mutex_);
    script_.changed = false;
    ++script_.reads;
    return script_.answer_;
  }

 private:
  const std::string target_ = "scripted:1";
  SourceScript& script_;
};

inline std::vector<std::unique_ptr<discovery::Source>> SourceScript::MakeSources() {
  std::vector<std::unique_ptr<discovery::Source>> sources;
  sources.push_back(std::make_unique<ScriptedSource>(*this));
  return sources;
}

}  // namespace topgun::support
