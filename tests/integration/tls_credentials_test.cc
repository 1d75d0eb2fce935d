// Certificates from files: what is accepted, what errors say, and how changed files are taken over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

#include "metrics/registry.h"
#include "support/certificates.h"
#include "support/child_process.h"
#include "support/temp_dir.h"
#include "support/wait.h"
#include "tls/credentials.h"
#include "tls/reloader.h"

namespace topgun::tls {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;
using std::chrono::system_clock;
using support::CertificateAuthority;
using support::TempDir;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<std::string> kHosts = {"localhost", "127.0.0.1"};
constexpr auto kReplace = fs::copy_options::overwrite_existing;

TlsFiles FilesOf(const CertificateAuthority::Pair& pair, const std::string& ca = {}) {
  return {.certificate = pair.certificate, .key = pair.key, .ca = ca};
}

std::string ErrorOf(const TlsFiles& files) {
  return ToString(LoadCredentials(files, system_clock::now()).status());
}

void WriteFile(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

class CredentialsTest : public testing::Test {
 protected:
  TempDir dir_;
  CertificateAuthority authority_;
  const CertificateAuthority::Pair pair_ = authority_.Issue("server", kHosts);
};

TEST_F(CredentialsTest, LoadsWhatFitsTogether) {
  const auto now = system_clock::now();
  const auto loaded = LoadCredentials(FilesOf(pair_, authority_.file()), now);
  ASSERT_TRUE(loaded.ok()) << ToString(loaded.status());
  EXPECT_EQ(loaded->subject, "CN=server");
  EXPECT_THAT(loaded->certificate_pem, HasSubstr("BEGIN CERTIFICATE"));
  EXPECT_THAT(loaded->key_pem, HasSubstr("PRIVATE KEY"));
  EXPECT_THAT(loaded->warnings, IsEmpty());
  EXPECT_GT(*loaded->certificate_expires, now + hours(24));
  EXPECT_LT(*loaded->certificate_expires, now + hours(3 * 24));
  EXPECT_GT(*loaded->ca_expires, now + hours(24));
}

TEST_F(CredentialsTest, AFileOfAuthoritiesAloneIsEnough) {
  const auto loaded =
      LoadCredentials({.certificate = {}, .key = {}, .ca = authority_.file()}, system_clock::now());
  ASSERT_TRUE(loaded.ok()) << ToString(loaded.status());
  EXPECT_FALSE(loaded->certificate_expires);
  EXPECT_TRUE(loaded->ca_expires);
}

TEST_F(CredentialsTest, WarnsOfDates) {
  const TlsFiles files = FilesOf(pair_, authority_.file());
  const auto late = LoadCredentials(files, system_clock::now() + hours(24 * 365));
  ASSERT_TRUE(late.ok());
  EXPECT_THAT(late->warnings,
              ElementsAre(HasSubstr("server.crt has expired"), HasSubstr("ca.crt has expired")));
  const auto early = LoadCredentials(files, system_clock::now() - hours(24));
  ASSERT_TRUE(early.ok());
  EXPECT_THAT(early->warnings, ElementsAre(HasSubstr("server.crt is not valid yet")));
}

TEST_F(CredentialsTest, ErrorsNameTheFileAndTheReason) {
  const CertificateAuthority::Pair other = authority_.Issue("other", kHosts);
  EXPECT_THAT(ErrorOf({.certificate = "/no/such.crt", .key = pair_.key, .ca = {}}),
              HasSubstr("cannot read the TLS certificate /no/such.crt: No such file"));
  EXPECT_THAT(ErrorOf({.certificate = pair_.certificate, .key = "/no/such.key", .ca = {}}),
              HasSubstr("cannot read the TLS key /no/such.key: No such file"));
  EXPECT_THAT(ErrorOf({.certificate = pair_.certificate, .key = {}, .ca = {}}),
              HasSubstr("server.crt lacks its key file"));
  EXPECT_THAT(ErrorOf({.certificate = {}, .key = pair_.key, .ca = {}}),
              HasSubstr("server.key lacks its certificate file"));
  EXPECT_THAT(ErrorOf({.certificate = pair_.certificate, .key = other.key, .ca = {}}),
              HasSubstr("other.key does not belong to the certificate " + pair_.certificate));
  EXPECT_THAT(ErrorOf({.certificate = pair_.key, .key = pair_.key, .ca = {}}),
              HasSubstr("server.key holds no certificate"));
  EXPECT_THAT(ErrorOf({.certificate = pair_.certificate, .key = pair_.certificate, .ca = {}}),
              HasSubstr("server.crt: holds no private key"));
  EXPECT_THAT(ErrorOf(FilesOf(pair_, dir_.path())), HasSubstr("TLS CA file " + dir_.path()));
  WriteFile(dir_ / "large", std::string((1 << 20) + 1, 'x'));
  EXPECT_THAT(ErrorOf(FilesOf(pair_, dir_ / "large")), HasSubstr("larger than 1 MiB"));
}

TEST_F(CredentialsTest, AKeyWithAPassphraseIsRefusedWithoutAsking) {
  const std::string locked = dir_ / "locked.key";
  support::RunCommand(
      {"openssl", "pkcs8", "-topk8", "-in", pair_.key, "-passout", "pass:secret", "-out", locked},
      {.output_path = dir_ / "log", .user = {}, .environment = {}});
  EXPECT_THAT(ErrorOf({.certificate = pair_.certificate, .key = locked, .ca = {}}),
              HasSubstr("locked.key: has a passphrase"));
}

TEST_F(CredentialsTest, AFileThatMayNotBeReadIsNamed) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  fs::permissions(pair_.key, fs::perms::none);
  EXPECT_THAT(ErrorOf(FilesOf(pair_)), HasSubstr("server.key: Permission denied"));
}

// Looks only when told to, but for the last test.
class ReloaderTest : public CredentialsTest {
 protected:
  ReloaderTest() {
    live_ = {.certificate = dir_ / "tls.crt", .key = dir_ / "tls.key"};
    Install(pair_);
  }

  void Install(const CertificateAuthority::Pair& pair) {
    fs::copy_file(pair.key, live_.key, kReplace);
    fs::copy_file(pair.certificate, live_.certificate, kReplace);
  }
  Status Watch(Reloader& reloader, const TlsFiles& files) {
    return reloader.Watch("test", files, [this](const Credentials& credentials) -> Status {
      const std::lock_guard lock(mutex_);
      if (refuse_) return FailedPrecondition("not wanted");
      subjects_.push_back(credentials.subject);
      return OkStatus();
    });
  }
  std::vector<std::string> subjects() {
    const std::lock_guard lock(mutex_);
    return subjects_;
  }
  void ExpectReloads(int ok, int failed) const {
    const std::string text = registry_.Render();
    const std::string name = "tls_reloads_total{outcome=\"";
    EXPECT_THAT(text, HasSubstr(name + "ok\",use=\"test\"} " + std::to_string(ok)));
    EXPECT_THAT(text, HasSubstr(name + "failed\",use=\"test\"} " + std::to_string(failed)));
  }

  metrics::Registry registry_{"test"};
  CertificateAuthority::Pair live_;
  bool refuse_ = false;
  std::mutex mutex_;
  std::vector<std::string> subjects_;
  Reloader reloader_{registry_, hours(1)};
};

TEST_F(ReloaderTest, TakesANewPair) {
  ASSERT_TRUE(Watch(reloader_, FilesOf(live_, authority_.file())).ok());
  reloader_.CheckNow();
  EXPECT_THAT(subjects(), ElementsAre("CN=server"));
  ExpectReloads(0, 0);
  const auto loaded = LoadCredentials(FilesOf(live_), system_clock::now());
  const auto end = std::chrono::duration_cast<std::chrono::seconds>(
      loaded->certificate_expires->time_since_epoch());
  EXPECT_THAT(registry_.Render(),
              HasSubstr("tls_certificate_expiry_timestamp_seconds{use=\"test\"} " +
                        std::to_string(end.count())));
  EXPECT_THAT(registry_.Render(), HasSubstr("tls_ca_expiry_timestamp_seconds{use=\"test\"} "));

  Install(authority_.Issue("renewed", kHosts));
  reloader_.CheckNow();
  EXPECT_THAT(subjects(), ElementsAre("CN=server", "CN=renewed"));
  ExpectReloads(1, 0);
}

TEST_F(ReloaderTest, APairThatIsBeingWrittenIsNoError) {
  ASSERT_TRUE(Watch(reloader_, FilesOf(live_)).ok());
  const CertificateAuthority::Pair renewed = authority_.Issue("renewed", kHosts);
  fs::copy_file(renewed.certificate, live_.certificate, kReplace);
  reloader_.CheckNow();
  EXPECT_THAT(subjects(), ElementsAre("CN=server"));
  fs::copy_file(renewed.key, live_.key, kReplace);
  reloader_.CheckNow();
  EXPECT_THAT(subjects(), ElementsAre("CN=server", "CN=renewed"));
  ExpectReloads(1, 0);
}

TEST_F(ReloaderTest, ABrokenPairIsReportedOnceAndTheOldOneStays) {
  ASSERT_TRUE(Watch(reloader_, FilesOf(live_)).ok());
  WriteFile(live_.certificate, "nonsense");
  for (int i = 0; i < 4; ++i) reloader_.CheckNow();
  ExpectReloads(0, 1);
  fs::remove(live_.certificate);  // broken in another way
  for (int i = 0; i < 4; ++i) reloader_.CheckNow();
  ExpectReloads(0, 2);
  Install(pair_);
  for (int i = 0; i < 4; ++i) reloader_.CheckNow();
  EXPECT_THAT(subjects(), ElementsAre("CN=server"));
  ExpectReloads(0, 2);
}

TEST_F(ReloaderTest, WhoUsesItMayRefuse) {
  ASSERT_TRUE(Watch(reloader_, FilesOf(live_)).ok());
  refuse_ = true;
  Install(authority_.Issue("renewed", kHosts));
  for (int i = 0; i < 3; ++i) reloader_.CheckNow();
  ExpectReloads(0, 1);
  EXPECT_THAT(subjects(), ElementsAre("CN=server"));
}

// A mounted secret: tls.crt -> ..data/tls.crt, and ..data -> a folder that is swapped as a whole.
TEST_F(ReloaderTest, FollowsTheLinkThatKubernetesSwaps) {
  const auto install = [&](const std::string& folder, const CertificateAuthority::Pair& pair) {
    fs::create_directory(dir_ / folder);
    fs::copy_file(pair.certificate, dir_ / (folder + "/tls.crt"));
    fs::copy_file(pair.key, dir_ / (folder + "/tls.key"));
    fs::create_symlink(folder, dir_ / "..data_tmp");
    fs::rename(dir_ / "..data_tmp", dir_ / "..data");
  };
  install("..first", pair_);
  fs::create_symlink("..data/tls.crt", dir_ / "link.crt");
  fs::create_symlink("..data/tls.key", dir_ / "link.key");
  ASSERT_TRUE(
      Watch(reloader_, {.certificate = dir_ / "link.crt", .key = dir_ / "link.key", .ca = {}})
          .ok());
  install("..second", authority_.Issue("renewed", kHosts));
  reloader_.CheckNow();
  EXPECT_THAT(subjects(), ElementsAre("CN=server", "CN=renewed"));
}

TEST_F(ReloaderTest, WhatCannotBeUsedAtTheStartIsAnError) {
  fs::remove(live_.key);
  const Status status = Watch(reloader_, FilesOf(live_));
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  Install(pair_);
  refuse_ = true;
  EXPECT_EQ(Watch(reloader_, FilesOf(live_)).code(), StatusCode::kFailedPrecondition);
  reloader_.CheckNow();
  EXPECT_THAT(subjects(), IsEmpty());
}

TEST_F(ReloaderTest, LooksByItself) {
  Reloader reloader(registry_, std::chrono::milliseconds(5));
  ASSERT_TRUE(Watch(reloader, FilesOf(live_)).ok());
  Install(authority_.Issue("renewed", kHosts));
  EXPECT_TRUE(support::WaitUntil([this] { return subjects().size() == 2; }));
}

}  // namespace
}  // namespace topgun::tls
