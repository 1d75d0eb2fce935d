// The file behind --config, unknown variables, and settings that are read again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "config/settings.h"

namespace topgun::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Sets a variable for the life of the object.
class Variable {
 public:
  Variable(std::string name, const std::string& value) : name_(std::move(name)) {
    setenv(name_.c_str(), value.c_str(), 1);
  }
  ~Variable() { unsetenv(name_.c_str()); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const std::string name_;
};

struct Targets {
  int threads = 1;
  std::string url = "redis://localhost";
  std::string secret;
  bool quiet = false;
};

class ConfigSourcesTest : public testing::Test {
 protected:
  ~ConfigSourcesTest() override {
    std::remove(file_.c_str());
    std::remove(secret_file_.c_str());
  }

  ParseResult Read(const std::vector<std::string>& arguments) {
    Settings settings("topgun-test", "Tests.");
    targets_ = {};
    settings.Add("io-threads", &targets_.threads, "", {.min = 1, .max = 64, .live = true});
    settings.Add("redis-url", &targets_.url, "");
    settings.AddSecret("jwt-secret", &targets_.secret, "", {.env = "JWT_SECRET", .live = true});
    settings.Add("quiet", &targets_.quiet, "");
    return settings.ParseAgain(arguments);
  }
  // With the text as file.
  ParseResult ReadFile(const std::string& text, std::vector<std::string> arguments = {}) {
    std::ofstream(file_) << text;
    arguments.push_back("--config=" + file_);
    return Read(arguments);
  }

  const std::string file_ = testing::TempDir() + "topgun_config_sources_test.conf";
  const std::string secret_file_ = testing::TempDir() + "topgun_config_sources_test_secret";
  Targets targets_;
};

TEST_F(ConfigSourcesTest, AFileHasALinePerSetting) {
  std::ofstream(secret_file_) << "a secret of some length\n";
  const ParseResult result = ReadFile(
      "# comment\n\n  io-threads=4\nredis-url = redis://a b#c=d  \r\nquiet = yes\n"
      "jwt-secret-file = " +
      secret_file_);
  EXPECT_THAT(result.errors, IsEmpty());
  EXPECT_EQ(targets_.threads, 4);
  EXPECT_EQ(targets_.url, "redis://a b#c=d") << "a value may hold anything but line ends";
  EXPECT_TRUE(targets_.quiet);
  EXPECT_EQ(targets_.secret, "a secret of some length");
  EXPECT_THAT(result.shown, HasSubstr("io-threads = 4  (" + file_ + ":3)"));
}

TEST_F(ConfigSourcesTest, VariablesAndFlagsWinOverTheFile) {
  const Variable variable("TOPGUN_IO_THREADS", "5");
  EXPECT_TRUE(ReadFile("io-threads = 4\nredis-url = x\n").proceed);
  EXPECT_EQ(targets_.threads, 5);
  EXPECT_EQ(targets_.url, "x");
  EXPECT_TRUE(ReadFile("io-threads = 4\n", {"--io-threads=6"}).proceed);
  EXPECT_EQ(targets_.threads, 6);
}

TEST_F(ConfigSourcesTest, TheVariableNamesAFileToo) {
  std::ofstream(file_) << "io-threads = 7\n";
  const Variable variable("TOPGUN_CONFIG", file_);
  EXPECT_TRUE(Read({}).proceed);
  EXPECT_EQ(targets_.threads, 7);
}

TEST_F(ConfigSourcesTest, EveryWrongLineIsNamed) {
  const ParseResult result = ReadFile(
      "io-thread = 4\nnonsense\nio-threads = 2\nio-threads = 3\njwt-secret = hush\n= 1\n"
      "redis-url = ok\n");
  EXPECT_FALSE(result.proceed);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.errors,
              testing::UnorderedElementsAre(
                  file_ + ":1: unknown setting io-thread; did you mean io-threads?",
                  file_ + ":2: expected name = value", file_ + ":4: io-threads is set twice",
                  file_ + ":5: a secret belongs into a file of its own, named by jwt-secret-file",
                  file_ + ":6: expected name = value"));
}

TEST_F(ConfigSourcesTest, AValueOutOfRangeNamesItsLine) {
  EXPECT_THAT(
      ReadFile("\nio-threads = 65\n").errors,
      ElementsAre("io-threads: expected whole number (1 to 64), got \"65\" from " + file_ + ":2"));
}

TEST_F(ConfigSourcesTest, AFileThatCannotBeReadIsAnError) {
  EXPECT_THAT(Read({"--config=/nowhere/at/all"}).errors,
              ElementsAre(HasSubstr("cannot open the file /nowhere/at/all")));
  EXPECT_THAT(ReadFile(std::string((1 << 20) + 1, '#')).errors,
              ElementsAre(HasSubstr("too large")));
}

TEST_F(ConfigSourcesTest, AMisspeltVariableIsWarnedOf) {
  const Variable misspelt("TOPGUN_IO_THREDS", "5");
  const Variable foreign("TOPGUN_OF_ANOTHER_SERVICE", "5");
  const ParseResult result = Read({});
  EXPECT_TRUE(result.proceed);
  EXPECT_EQ(targets_.threads, 1);
  EXPECT_THAT(result.warnings, ElementsAre("TOPGUN_IO_THREDS is no setting and has no effect; did "
                                           "you mean TOPGUN_IO_THREADS?"));
}

// Kubernetes sets these in every container beside a Service that is called topgun-quie.
TEST_F(ConfigSourcesTest, VariablesOfServicesAreNone) {
  const Variable host("TOPGUN_QUIE_SERVICE_HOST", "10.0.0.1");
  const Variable port("TOPGUN_QUIE_PORT", "tcp://10.0.0.1:8080");
  const Variable numbered("TOPGUN_QUIE_PORT_8080_TCP", "tcp://10.0.0.1:8080");
  const Variable named("TOPGUN_QUIE_SERVICE_PORT_WS", "8080");
  const ParseResult result = Read({});
  EXPECT_TRUE(result.proceed);
  EXPECT_THAT(result.warnings, IsEmpty());
}

TEST(ConfigSourcesDeathTest, NoSettingTakesTheVariableOfAService) {
  Settings settings("topgun-test", "");
  std::string value;
  EXPECT_DEATH(settings.Add("gateway-port", &value, ""),
               "Kubernetes may set TOPGUN_GATEWAY_PORT by itself");
}

TEST_F(ConfigSourcesTest, WhatDiffersIsFoundAndSecretsStayMasked) {
  const std::string secret = "jwt-secret-file = " + secret_file_ + "\n";
  std::ofstream(secret_file_) << "the first secret";
  const std::string text = secret + "redis-url = redis://:a@h\nio-threads = 2\n";
  const ParseResult before = ReadFile(text);
  EXPECT_THAT(Compare(before.values, ReadFile(text).values), IsEmpty());

  std::ofstream(secret_file_) << "the other secret";
  const std::vector<Difference> differences = Compare(
      before.values, ReadFile(secret + "redis-url = redis://:b@h\nio-threads = 3\n").values);
  ASSERT_EQ(differences.size(), 3U);
  EXPECT_EQ(differences[0].name, "io-threads");
  EXPECT_EQ(differences[0].before, "2");
  EXPECT_EQ(differences[0].after, "3");
  EXPECT_TRUE(differences[0].live);
  EXPECT_EQ(differences[1].after, "redis://***@h") << "only the password differs";
  EXPECT_FALSE(differences[1].live);
  EXPECT_EQ(differences[2].before, "***");
  EXPECT_EQ(differences[2].after, "***");
}

}  // namespace
}  // namespace topgun::config
