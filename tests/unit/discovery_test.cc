// The resolver over sources that say what the test wants.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "discovery/resolver.h"
#include "discovery/source.h"
#include "metrics/registry.h"
#include "support/scripted_source.h"
#include "support/wait.h"

namespace topgun::discovery {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using support::SourceScript;
using support::WaitUntil;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Recorder final : public Resolver::Listener {
 public:
  void OnAddresses(const Addresses& addresses) override {
    const std::lock_guard lock(mutex_);
    heard_.push_back(addresses);
  }
  std::vector<Addresses> heard() {
    const std::lock_guard lock(mutex_);
    return heard_;
  }

 private:
  std::mutex mutex_;
  std::vector<Addresses> heard_;
};

Addresses At(const std::vector<std::string>& addresses) {
  Addresses out;
  for (const std::string& address : addresses) out.push_back({address, "name"});
  return out;
}

class ResolverTest : public testing::Test {
 protected:
  // Reads by itself only once in a while, unless a test says otherwise.
  ResolverTest() {
    options_.service = "sync";
    options_.every = hours(1);
    options_.hurry_gap = milliseconds(1);
    options_.look_every = milliseconds(2);
  }
  ~ResolverTest() override {
    if (resolver_ != nullptr) resolver_->Stop();
  }

  // The first reading has passed when it returns.
  void Start() {
    std::vector<std::unique_ptr<Source>> sources = first_.MakeSources();
    if (two_sources_) sources.push_back(std::move(second_.MakeSources().front()));
    resolver_ = std::make_unique<Resolver>(options_, std::move(sources), registry_);
    EXPECT_THAT(resolver_->Subscribe(listener_), IsEmpty());
    resolver_->Start();
    SourceScript& last = two_sources_ ? second_ : first_;
    ASSERT_TRUE(WaitUntil([&] { return last.reads > 0; }));
  }
  bool Hears(const Addresses& addresses) {
    return WaitUntil([&] {
      const std::vector<Addresses> heard = listener_.heard();
      return !heard.empty() && heard.back() == addresses;
    });
  }
  // Asks for a reading and waits until it has begun.
  void ReadAgain() {
    const int before = first_.reads;
    resolver_->Hurry();
    ASSERT_TRUE(WaitUntil([&] { return first_.reads > before; }));
  }
  bool Shows(const std::string& sample) {
    return WaitUntil([&] { return registry_.Render().find(sample + "\n") != std::string::npos; });
  }

  metrics::Registry registry_{"test"};
  ResolverOptions options_;
  SourceScript first_;
  SourceScript second_;
  bool two_sources_ = false;
  Recorder listener_;
  std::unique_ptr<Resolver> resolver_;
};

TEST_F(ResolverTest, TellsWhatHasChangedAndNothingElse) {
  first_.AnswerAt({"10.0.0.2:9", "10.0.0.1:9"});
  Start();
  EXPECT_TRUE(Hears(At({"10.0.0.1:9", "10.0.0.2:9"})));
  ReadAgain();
  EXPECT_TRUE(Shows(R"(discovery_resolutions_total{outcome="same",service="sync"} 1)"));
  first_.AnswerAt({"10.0.0.2:9", "10.0.0.3:9"});
  ReadAgain();
  EXPECT_TRUE(Hears(At({"10.0.0.2:9", "10.0.0.3:9"})));
  EXPECT_EQ(listener_.heard().size(), 2U);
  EXPECT_TRUE(Shows(R"(discovery_resolutions_total{outcome="changed",service="sync"} 2)"));
  EXPECT_TRUE(Shows(R"(discovery_addresses{service="sync"} 2)"));
}

TEST_F(ResolverTest, KeepsWhatItKnowsWhileNothingIsSaid) {
  first_.AnswerAt({"10.0.0.1:9"});
  Start();
  ASSERT_TRUE(Hears(At({"10.0.0.1:9"})));
  testing::internal::CaptureStderr();
  first_.Answer(Unavailable("no such host"));
  ReadAgain();
  first_.Answer(Addresses());  // an empty answer is none
  ReadAgain();
  EXPECT_TRUE(Shows(R"(discovery_resolutions_total{outcome="failed",service="sync"} 2)"));
  EXPECT_THAT(resolver_->Subscribe(listener_), ElementsAre(Address{"10.0.0.1:9", "name"}));
  first_.AnswerAt({"10.0.0.4:9"});
  ReadAgain();
  EXPECT_TRUE(Hears(At({"10.0.0.4:9"})));
  const std::string log = testing::internal::GetCapturedStderr();
  const size_t said = log.find("no such host");
  ASSERT_NE(said, std::string::npos) << log;
  EXPECT_EQ(log.find("what was known stays", log.find('\n', said)), std::string::npos)
      << "said once, not every time: " << log;
  EXPECT_THAT(log, HasSubstr("found again"));
}

TEST_F(ResolverTest, ReadsAgainByItself) {
  options_.every = milliseconds(5);
  Start();
  EXPECT_TRUE(WaitUntil([&] { return first_.reads > 3; }));
}

TEST_F(ResolverTest, ReadsWhenAFileHasChanged) {
  options_.hurry_gap = hours(1);
  Start();
  first_.AnswerAt({"10.0.0.1:9"});
  first_.changed = true;
  EXPECT_TRUE(Hears(At({"10.0.0.1:9"})));
}

TEST_F(ResolverTest, ManyLostConnectionsAreOneReason) {
  options_.hurry_gap = hours(1);
  Start();
  for (int i = 0; i < 100; ++i) resolver_->Hurry();
  first_.changed = true;  // what is read because of this is the next reading
  EXPECT_TRUE(WaitUntil([&] { return first_.reads > 1; }));
  EXPECT_EQ(first_.reads, 2);
}

TEST_F(ResolverTest, PutsSourcesTogetherUpToALimit) {
  two_sources_ = true;
  options_.addresses_max = 3;
  first_.AnswerAt({"10.0.0.5:9", "10.0.0.1:9"});
  second_.AnswerAt({"10.0.0.1:9", "10.0.0.3:9", "10.0.0.4:9"});
  Start();
  EXPECT_TRUE(Hears(At({"10.0.0.1:9", "10.0.0.3:9", "10.0.0.4:9"})));
  EXPECT_TRUE(Shows(R"(discovery_addresses_ignored{service="sync"} 1)"));
  // One source fails: what it said last still counts.
  second_.Answer(Unavailable("away"));
  first_.AnswerAt({"10.0.0.2:9"});
  ReadAgain();
  EXPECT_TRUE(Hears(At({"10.0.0.1:9", "10.0.0.2:9", "10.0.0.3:9"})));
}

TEST_F(ResolverTest, NothingLeavesTheMachineWithoutLeave) {
  options_.this_machine_only = true;
  first_.AnswerAt({"127.0.0.1:9", "[::1]:9"});
  Start();
  EXPECT_TRUE(Hears(At({"127.0.0.1:9", "[::1]:9"})));
  first_.AnswerAt({"127.0.0.1:9", "10.0.0.1:9"});
  ReadAgain();
  EXPECT_TRUE(Shows(R"(discovery_resolutions_total{outcome="failed",service="sync"} 1)"));
  EXPECT_EQ(listener_.heard().size(), 1U);
}

TEST_F(ResolverTest, NobodyIsCalledAfterUnsubscribe) {
  Start();
  resolver_->Unsubscribe(listener_);
  first_.AnswerAt({"10.0.0.1:9"});
  Recorder other;
  resolver_->Subscribe(other);
  ReadAgain();
  EXPECT_TRUE(WaitUntil([&] { return !other.heard().empty(); }));
  EXPECT_THAT(listener_.heard(), IsEmpty());
  resolver_->Unsubscribe(other);
}

TEST_F(ResolverTest, LiteralAddressesAreKnownFromTheStart) {
  Resolver resolver(options_, MakeSources({"[::1]:7", "10.0.0.1:8", "unix:/run/s"}), registry_);
  EXPECT_THAT(resolver.Subscribe(listener_),
              ElementsAre(Address{"10.0.0.1:8", "10.0.0.1"}, Address{"[::1]:7", "::1"},
                          Address{"unix:/run/s", "localhost"}));
  resolver.Start();
  resolver.Unsubscribe(listener_);
}

TEST(Targets, BadOnesAreNamed) {
  EXPECT_TRUE(CheckTargets("sync", {"a.b:1", "localhost:9000", "[fd00::1]:65535", "1.2.3.4:1",
                                    "unix:/x", "file:/etc/sync"})
                  .ok());
  const auto refusal = [](const std::string& target) {
    const Status status = CheckTargets("sync", {"fine:1", target});
    return std::string(Message(status));
  };
  EXPECT_EQ(refusal("host"), "--sync: 'host': the port is missing: host:port");
  EXPECT_THAT(refusal("host:0"), HasSubstr("bad port"));
  EXPECT_THAT(refusal("host:65536"), HasSubstr("bad port"));
  EXPECT_THAT(refusal("host:http"), HasSubstr("bad port"));
  EXPECT_THAT(refusal("fd00::1:9000"), HasSubstr("goes into brackets"));
  EXPECT_THAT(refusal("[fd00::zz]:9000"), HasSubstr("bad"));
  EXPECT_THAT(refusal("dns:///sync:9000"), HasSubstr("goes into brackets"));
  EXPECT_THAT(refusal("a b:9000"), HasSubstr("bad host"));
  EXPECT_THAT(refusal("file:relative"), HasSubstr("file:/absolute/path"));
  EXPECT_THAT(refusal(":9000"), HasSubstr("bad host"));
}

}  // namespace
}  // namespace topgun::discovery
