// The system's resolver and real files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <mutex>
#include <string>

#include "discovery/resolver.h"
#include "metrics/registry.h"
#include "support/temp_dir.h"
#include "support/wait.h"

namespace topgun::discovery {
namespace {

using support::TempDir;
using support::WaitUntil;
using testing::Contains;
using testing::Each;
using testing::Field;
using testing::HasSubstr;

class Known final : public Resolver::Listener {
 public:
  explicit Known(Resolver& resolver) : resolver_(resolver) {
    OnAddresses(resolver.Subscribe(*this));
  }
  ~Known() override { resolver_.Unsubscribe(*this); }

  void OnAddresses(const Addresses& addresses) override {
    const std::lock_guard lock(mutex_);
    addresses_ = addresses;
  }
  Addresses now() {
    const std::lock_guard lock(mutex_);
    return addresses_;
  }

 private:
  Resolver& resolver_;
  std::mutex mutex_;
  Addresses addresses_;
};

// As a careful writer does it.
void Replace(const std::string& path, const std::string& text) {
  std::ofstream(path + ".new") << text;
  ASSERT_EQ(std::rename((path + ".new").c_str(), path.c_str()), 0);
}

ResolverOptions Options() {
  ResolverOptions options;
  options.service = "sync";
  options.every = std::chrono::hours(1);
  options.look_every = std::chrono::milliseconds(5);
  return options;
}

TEST(NameSource, EveryAddressOfANameIsOne) {
  const auto sources = MakeSources({"localhost:9000"});
  const StatusOr<Addresses> found = sources.front()->Read();
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_THAT(*found,
              Contains(Field(&Address::address, testing::AnyOf("127.0.0.1:9000", "[::1]:9000"))));
  EXPECT_THAT(*found, Each(Field(&Address::name, "localhost")));
}

TEST(NameSource, ANameThatIsNotThereIsAnError) {
  const auto sources = MakeSources({"no-such-host.invalid:9000"});
  const StatusOr<Addresses> found = sources.front()->Read();
  EXPECT_FALSE(found.ok());
  EXPECT_THAT(std::string(Message(found.status())), HasSubstr("no-such-host.invalid"));
}

TEST(FileSource, IsFollowedAndBadContentChangesNothing) {
  const TempDir dir;
  const std::string path = dir / "sync.addresses";
  metrics::Registry registry("test");
  Resolver resolver(Options(), MakeSources({"file:" + path}), registry);
  Known known(resolver);
  resolver.Start();
  const auto failures = [&](int count) {
    const std::string sample = R"(discovery_resolutions_total{outcome="failed",service="sync"} )" +
                               std::to_string(count) + "\n";
    return WaitUntil([&] { return registry.Render().find(sample) != std::string::npos; });
  };
  ASSERT_TRUE(failures(1)) << "there is no file yet";

  Replace(path, "# who is there\n\n10.0.0.1:9000\n  [fd00::1]:9000  \r\n");
  const Addresses both = {{"10.0.0.1:9000", "10.0.0.1"}, {"[fd00::1]:9000", "fd00::1"}};
  EXPECT_TRUE(WaitUntil([&] { return known.now() == both; }));

  int failed = 1;
  for (const char* const bad : {"10.0.0.2:9000\nnonsense\n", "", "file:/etc/passwd\n"}) {
    Replace(path, bad);
    EXPECT_TRUE(failures(++failed)) << bad;
  }
  EXPECT_EQ(known.now(), both);

  Replace(path, "localhost:9001\n10.0.0.1:9000");
  EXPECT_TRUE(WaitUntil([&] { return known.now() != both; }));
  EXPECT_THAT(known.now(), Contains(Field(&Address::name, "localhost")));
  EXPECT_THAT(known.now(), Contains(Address{"10.0.0.1:9000", "10.0.0.1"}));
  resolver.Stop();
}

TEST(FileSource, NamesTheBadLine) {
  const TempDir dir;
  std::ofstream(dir / "a") << "10.0.0.1:9000\n10.0.0.2\n";
  const StatusOr<Addresses> found = MakeSources({"file:" + (dir / "a")}).front()->Read();
  EXPECT_EQ(std::string(Message(found.status())),
            (dir / "a") + ", line 2: '10.0.0.2': the port is missing: host:port");
}

TEST(FileSource, RefusesAFileThatIsNoList) {
  const TempDir dir;
  std::ofstream(dir / "a") << std::string(300 << 10, '#');
  const StatusOr<Addresses> found = MakeSources({"file:" + (dir / "a")}).front()->Read();
  EXPECT_THAT(std::string(Message(found.status())), HasSubstr("larger than 256 KiB"));
}

}  // namespace
}  // namespace topgun::discovery
