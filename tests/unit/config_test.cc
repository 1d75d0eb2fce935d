#include "config/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "config/plaintext.h"

namespace topgun::config {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

struct Outcome {
  ParseResult result;
  std::string out;  // stdout
  std::string err;  // stderr
};

// Parses with exactly these variables set, and restores the environment.
Outcome Parse(Settings& settings, std::vector<std::string> args,
              const std::map<std::string, std::string>& variables = {}) {
  std::vector<const char*> argv = {"topgun-test"};
  for (const std::string& arg : args) argv.push_back(arg.c_str());
  for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
  Outcome outcome;
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  outcome.result = settings.Parse(static_cast<int>(argv.size()), argv.data());
  outcome.out = testing::internal::GetCapturedStdout();
  outcome.err = testing::internal::GetCapturedStderr();
  for (const auto& [name, value] : variables) unsetenv(name.c_str());
  return outcome;
}

class SettingsTest : public testing::Test {
 protected:
  // Whether `text` is taken as the value of the setting "x".
  bool Accepts(const std::string& text) { return Parse(settings_, {"--x", text}).result.proceed; }

  Settings settings_{"topgun-test", "Tests the settings."};
};

TEST_F(SettingsTest, FlagWinsOverVariableWinsOverDefault) {
  std::string value = "default";
  settings_.Add("redis-url", &value, "Where Redis is");
  EXPECT_TRUE(Parse(settings_, {}).result.proceed);
  EXPECT_EQ(value, "default");
  EXPECT_TRUE(Parse(settings_, {}, {{"TOPGUN_REDIS_URL", "variable"}}).result.proceed);
  EXPECT_EQ(value, "variable");
  EXPECT_TRUE(
      Parse(settings_, {"--redis-url=flag"}, {{"TOPGUN_REDIS_URL", "variable"}}).result.proceed);
  EXPECT_EQ(value, "flag");
  EXPECT_TRUE(Parse(settings_, {"--redis-url", "two words"}).result.proceed);
  EXPECT_EQ(value, "two words");
}

TEST_F(SettingsTest, AnEmptyVariableCountsAsUnset) {
  std::string value = "default";
  settings_.Add("x", &value, "");
  EXPECT_TRUE(Parse(settings_, {}, {{"TOPGUN_X", ""}}).result.proceed);
  EXPECT_EQ(value, "default");
  EXPECT_TRUE(Parse(settings_, {"--x", ""}).result.proceed) << "an empty flag is a wish";
  EXPECT_EQ(value, "");
}

TEST_F(SettingsTest, TheVariableCanHaveAnotherName) {
  std::string value;
  settings_.Add("backend", &value, "", {.env = "STORAGE_BACKEND"});
  Parse(settings_, {}, {{"TOPGUN_BACKEND", "wrong"}, {"STORAGE_BACKEND", "right"}});
  EXPECT_EQ(value, "right");
}

TEST_F(SettingsTest, UnknownFlagsFailAndUnknownVariablesDoNot) {
  std::string value;
  settings_.Add("known", &value, "");
  EXPECT_TRUE(Parse(settings_, {}, {{"TOPGUN_OF_ANOTHER_SERVICE", "1"}}).result.proceed);
  const Outcome outcome = Parse(settings_, {"--unknown=1"});
  EXPECT_FALSE(outcome.result.proceed);
  EXPECT_EQ(outcome.result.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("--unknown"));
  EXPECT_FALSE(Parse(settings_, {"stray"}).result.proceed);
  EXPECT_FALSE(Parse(settings_, {"--known"}).result.proceed) << "no value";
  EXPECT_FALSE(Parse(settings_, {"--known=1", "--known=2"}).result.proceed) << "given twice";
}

TEST_F(SettingsTest, AnErrorNamesSettingSourceValueAndLimits) {
  int threads = 4;
  settings_.Add("io-threads", &threads, "", {.min = 1, .max = 64});
  EXPECT_THAT(Parse(settings_, {"--io-threads=65"}).err,
              HasSubstr("topgun-test: io-threads: expected whole number (1 to 64), got \"65\" "
                        "from --io-threads"));
  EXPECT_THAT(Parse(settings_, {}, {{"TOPGUN_IO_THREADS", "many"}}).err,
              HasSubstr("io-threads: expected whole number (1 to 64), got \"many\" from "
                        "TOPGUN_IO_THREADS"));
  EXPECT_EQ(threads, 4) << "a bad value leaves the target alone";
}

TEST_F(SettingsTest, ReportsAllErrorsAtOnce) {
  int a = 1;
  int b = 1;
  settings_.Add("a", &a, "");
  settings_.Add("b", &b, "");
  const Outcome outcome = Parse(settings_, {"--a=x", "--b=y"});
  EXPECT_THAT(outcome.err, HasSubstr("a: expected"));
  EXPECT_THAT(outcome.err, HasSubstr("b: expected"));
}

TEST_F(SettingsTest, WholeNumbers) {
  int64_t value = 0;
  settings_.Add("x", &value, "", {.min = -5, .max = 5});
  EXPECT_TRUE(Accepts("-5"));
  EXPECT_EQ(value, -5);
  EXPECT_TRUE(Accepts("5"));
  for (const char* bad : {"-6", "6", "", " 1", "1 ", "1.0", "0x1", "99999999999999999999"}) {
    EXPECT_FALSE(Accepts(bad)) << bad;
  }
}

TEST_F(SettingsTest, NarrowAndUnsignedNumbersKeepToTheirType) {
  uint16_t port = 0;
  settings_.Add("x", &port, "");
  EXPECT_TRUE(Accepts("65535"));
  EXPECT_EQ(port, 65535);
  EXPECT_FALSE(Accepts("65536"));
  EXPECT_FALSE(Accepts("-1"));

  Settings others("topgun-test", "");
  uint32_t narrow = 0;
  uint64_t wide = 0;
  others.Add("narrow", &narrow, "");
  others.Add("wide", &wide, "");
  EXPECT_TRUE(Parse(others, {"--narrow=4294967295", "--wide=18446744073709551615"}).result.proceed);
  EXPECT_EQ(narrow, 4294967295U);
  EXPECT_EQ(wide, 18446744073709551615U);
  EXPECT_FALSE(Parse(others, {"--narrow=4294967296"}).result.proceed);
}

TEST_F(SettingsTest, DecimalNumbers) {
  double value = 0;
  settings_.Add("x", &value, "", {.min = 0, .max = 1});
  EXPECT_TRUE(Accepts("0.25"));
  EXPECT_EQ(value, 0.25);
  for (const char* bad : {"1.01", "-0.1", "nan", "inf", "", "1e"}) {
    EXPECT_FALSE(Accepts(bad)) << bad;
  }
}

TEST_F(SettingsTest, Switches) {
  bool value = false;
  settings_.Add("x", &value, "");
  EXPECT_TRUE(Parse(settings_, {"--x"}).result.proceed);
  EXPECT_TRUE(value);
  EXPECT_TRUE(Parse(settings_, {"--x=false"}).result.proceed);
  EXPECT_FALSE(value);
  EXPECT_TRUE(Parse(settings_, {}, {{"TOPGUN_X", "on"}}).result.proceed);
  EXPECT_TRUE(value);
  EXPECT_TRUE(Parse(settings_, {"--x=false"}, {{"TOPGUN_X", "1"}}).result.proceed);
  EXPECT_FALSE(value);
  EXPECT_FALSE(Parse(settings_, {"--x=maybe"}).result.proceed);
  EXPECT_FALSE(Accepts("false")) << "a switch takes its value with = only";
}

TEST_F(SettingsTest, Lists) {
  std::vector<std::string> value = {"default"};
  settings_.Add("x", &value, "", {.min = 1, .max = 3, .allowed = {"a", "b", "c"}});
  EXPECT_TRUE(Accepts("a, b ,c"));
  EXPECT_THAT(value, ElementsAre("a", "b", "c"));
  for (const char* bad : {"", "a,,b", "a,", "d", "a,b,c,a"}) EXPECT_FALSE(Accepts(bad)) << bad;
  EXPECT_THAT(value, ElementsAre("a", "b", "c"));
}

TEST_F(SettingsTest, Durations) {
  milliseconds value{0};
  settings_.Add("x", &value, "", {.min = 0, .max = 864'000'000});
  const std::vector<std::pair<const char*, int64_t>> good = {
      {"0", 0},        {"250ms", 250},    {"30s", 30'000},
      {"5m", 300'000}, {"2h", 7'200'000}, {"7d", 604'800'000}};
  for (const auto& [text, expected] : good) {
    EXPECT_TRUE(Accepts(text)) << text;
    EXPECT_EQ(value.count(), expected);
  }
  for (const char* bad : {"10", "s", "-1s", "1.5s", "1 s", "1w", "11d", "99999999999999999d"}) {
    EXPECT_FALSE(Accepts(bad)) << bad;
  }
}

TEST_F(SettingsTest, Bytes) {
  uint64_t value = 0;
  settings_.AddBytes("x", &value, "", {.min = 1024, .max = int64_t{1} << 40});
  const std::vector<std::pair<const char*, uint64_t>> good = {
      {"1024", 1024}, {"64KiB", 65'536}, {"16MiB", 16'777'216}, {"2GiB", uint64_t{2} << 30}};
  for (const auto& [text, expected] : good) {
    EXPECT_TRUE(Accepts(text)) << text;
    EXPECT_EQ(value, expected);
  }
  for (const char* bad : {"1023", "1KB", "KiB", "-1MiB", "1.5MiB", "2048GiB", "99999999999GiB"}) {
    EXPECT_FALSE(Accepts(bad)) << bad;
  }
}

TEST_F(SettingsTest, TextsWithLengthAndClosedSet) {
  std::string backend = "redis";
  settings_.Add("x", &backend, "", {.allowed = {"redis", "null"}});
  EXPECT_TRUE(Accepts("null"));
  EXPECT_FALSE(Accepts("disk"));
  EXPECT_THAT(Parse(settings_, {"--x=disk"}).err, HasSubstr("one of redis, null"));

  Settings others("topgun-test", "");
  std::string name;
  others.Add("name", &name, "", {.max = 3});
  EXPECT_TRUE(Parse(others, {"--name=abc"}).result.proceed);
  EXPECT_FALSE(Parse(others, {"--name=abcd"}).result.proceed);
}

TEST_F(SettingsTest, RequiredSettings) {
  std::string value;
  settings_.Add("x", &value, "", {.required = true});
  EXPECT_THAT(Parse(settings_, {}).err, HasSubstr("x: required, set --x or TOPGUN_X"));
  EXPECT_FALSE(Parse(settings_, {"--x", ""}).result.proceed);
  EXPECT_TRUE(Accepts("set"));
}

class SecretTest : public SettingsTest {
 protected:
  void SetUp() override {
    settings_.AddSecret("jwt-secret", &secret_, "HS256 key",
                        {.env = "JWT_SECRET", .min = 8, .required = true});
    std::ofstream(path_) << "from the file\n";
  }
  void TearDown() override { std::remove(path_.c_str()); }

  const std::string path_ = testing::TempDir() + "topgun_config_test_secret";
  std::string secret_;
};

TEST_F(SecretTest, ComesFromTheVariableOrAFile) {
  EXPECT_TRUE(Parse(settings_, {}, {{"JWT_SECRET", "from the variable"}}).result.proceed);
  EXPECT_EQ(secret_, "from the variable");
  EXPECT_TRUE(Parse(settings_, {}, {{"JWT_SECRET_FILE", path_}}).result.proceed);
  EXPECT_EQ(secret_, "from the file");
  secret_.clear();
  EXPECT_TRUE(Parse(settings_, {"--jwt-secret-file", path_}, {{"JWT_SECRET", "from the variable"}})
                  .result.proceed);
  EXPECT_EQ(secret_, "from the file");
}

TEST_F(SettingsTest, TellsWhichFileASecretCameFrom) {
  const std::string path = testing::TempDir() + "topgun_config_test_password";
  std::ofstream(path) << "first\n";
  std::string value;
  std::string file;
  settings_.AddSecret("password", &value, &file, "Password");
  EXPECT_TRUE(Parse(settings_, {}, {{"TOPGUN_PASSWORD", "variable"}}).result.proceed);
  EXPECT_EQ(file, "");
  EXPECT_TRUE(Parse(settings_, {"--password-file", path}).result.proceed);
  EXPECT_EQ(value, "first");
  EXPECT_EQ(file, path);
  std::remove(path.c_str());
}

TEST_F(SettingsTest, PlainTextLeavesTheMachineOnlyWhenAllowed) {
  std::vector<std::string> allowed;
  AddAllowPlaintext(settings_, &allowed);
  const auto check = [&allowed](const char* hop, const char* address) {
    return CheckPlaintext(allowed, hop, "--redis", address, "--redis-tls");
  };
  EXPECT_TRUE(check("redis", "127.0.0.1:6379").ok());
  EXPECT_EQ(check("redis", "10.0.0.9:6379").message(),
            "--redis: 10.0.0.9:6379 is not on this machine alone, and redis has no TLS; set "
            "--redis-tls, or allow plain text with --allow-plaintext=redis");
  EXPECT_TRUE(Parse(settings_, {"--allow-plaintext=grpc,redis"}).result.proceed);
  EXPECT_TRUE(check("redis", "10.0.0.9:6379").ok());
  EXPECT_FALSE(check("postgres", "10.0.0.9:5432").ok());
  EXPECT_FALSE(Parse(settings_, {"--allow-plaintext=http"}).result.proceed);
}

TEST_F(SecretTest, NoFlagCarriesIt) {
  EXPECT_FALSE(Parse(settings_, {"--jwt-secret=12345678"}).result.proceed);
}

TEST_F(SecretTest, IsNeverPrinted) {
  const std::map<std::string, std::string> variables = {{"JWT_SECRET", "hush-hush"}};
  for (const char* flag : {"--print-config", "--print-config-doc", "--help", "--check-config"}) {
    const Outcome outcome = Parse(settings_, {flag}, variables);
    EXPECT_EQ(outcome.result.exit_code, 0);
    EXPECT_THAT(outcome.out + outcome.err, Not(HasSubstr("hush"))) << flag;
  }
  EXPECT_THAT(Parse(settings_, {"--print-config"}, variables).out,
              HasSubstr("jwt-secret = ***  (JWT_SECRET)"));
}

TEST_F(SecretTest, ErrorsDoNotShowItEither) {
  const Outcome too_short = Parse(settings_, {}, {{"JWT_SECRET", "hush"}});
  EXPECT_FALSE(too_short.result.proceed);
  EXPECT_THAT(too_short.err, HasSubstr("jwt-secret: expected at least 8 bytes, got 4 bytes"));
  EXPECT_THAT(too_short.err, Not(HasSubstr("hush")));
  EXPECT_THAT(Parse(settings_, {"--jwt-secret-file=/nowhere/at/all"}).err,
              HasSubstr("cannot open the file /nowhere/at/all"));
  std::ofstream(path_) << std::string(65 * 1024, 'x');
  EXPECT_THAT(Parse(settings_, {"--jwt-secret-file", path_}).err, HasSubstr("too large"));
  EXPECT_THAT(Parse(settings_, {}).err, HasSubstr("jwt-secret: required"));
}

TEST_F(SettingsTest, CheckConfigValidatesAndEnds) {
  int value = 1;
  settings_.Add("x", &value, "", {.max = 3});
  const Outcome good = Parse(settings_, {"--check-config", "--x=3"});
  EXPECT_FALSE(good.result.proceed);
  EXPECT_EQ(good.result.exit_code, 0);
  const Outcome bad = Parse(settings_, {"--check-config", "--x=4"});
  EXPECT_FALSE(bad.result.proceed);
  EXPECT_EQ(bad.result.exit_code, 2);
}

TEST_F(SettingsTest, RulesOverSeveralSettingsRunOnceTheyAreSet) {
  int low = 1;
  int high = 2;
  int runs = 0;
  settings_.Add("low", &low, "");
  settings_.Add("high", &high, "");
  settings_.AddCheck([&] {
    ++runs;
    return low <= high ? OkStatus() : InvalidArgument("low must not exceed high");
  });
  EXPECT_TRUE(Parse(settings_, {"--low=2"}).result.proceed);
  const Outcome bad = Parse(settings_, {"--low=3"});
  EXPECT_EQ(bad.result.exit_code, 2);
  EXPECT_THAT(bad.err, HasSubstr("topgun-test: low must not exceed high"));
  EXPECT_EQ(runs, 2);
  Parse(settings_, {"--low=x"});
  EXPECT_EQ(runs, 2) << "a rule must not see a setting that is wrong in itself";
}

TEST_F(SettingsTest, PrintConfigShowsValuesWithTheirSourceAndHidesPasswords) {
  std::string url = "redis://:one@a:1,redis://u:t@o@b:2/0";
  milliseconds timeout{90'000};
  settings_.Add("redis", &url, "");
  settings_.Add("timeout", &timeout, "");
  const Outcome outcome =
      Parse(settings_, {"--print-config", "--timeout=2m"}, {{"TOPGUN_REDIS", url}});
  EXPECT_EQ(outcome.out,
            "redis = redis://***@a:1,redis://***@b:2/0  (TOPGUN_REDIS)\n"
            "timeout = 2m  (--timeout)\n");
}

TEST_F(SettingsTest, PrintConfigDocShowsDefaultsAndIgnoresTheEnvironment) {
  std::string listen = "0.0.0.0:7000";
  uint64_t limit = 16 << 20;
  std::string key;
  bool quiet = false;
  bool command = false;
  settings_.Add("listen", &listen, "Address a|b", {.group = "Network"});
  settings_.AddBytes("limit", &limit, "Largest message",
                     {.group = "Limits", .min = 1024, .live = true});
  settings_.AddSecret("key", &key, "Key", {.group = "Network", .required = true});
  settings_.Add("quiet", &quiet, "Says less", {.group = "Limits"});
  settings_.AddCommand("print-metrics-doc", &command, "Prints the metrics");
  const Outcome outcome = Parse(settings_, {"--print-config-doc"}, {{"TOPGUN_LISTEN", "other"}});
  EXPECT_EQ(outcome.result.exit_code, 0);
  EXPECT_FALSE(outcome.result.proceed);
  EXPECT_EQ(
      outcome.out,
      "## topgun-test\n"
      "\n"
      "Tests the settings.\n"
      "\n"
      "### Network\n"
      "\n"
      "| Flag | Variable | Default | Values | Reload | Meaning |\n"
      "|---|---|---|---|---|---|\n"
      "| `--listen` | `TOPGUN_LISTEN` | `0.0.0.0:7000` | text | restart | Address a\\|b |\n"
      "| `--key-file` | `TOPGUN_KEY`, `TOPGUN_KEY_FILE` | required | secret | restart | Key |\n"
      "\n"
      "### Limits\n"
      "\n"
      "| Flag | Variable | Default | Values | Reload | Meaning |\n"
      "|---|---|---|---|---|---|\n"
      "| `--limit` | `TOPGUN_LIMIT` | `16MiB` | bytes (KiB, MiB, GiB): at least 1KiB | live | "
      "Largest message |\n"
      "| `--quiet` | `TOPGUN_QUIET` | `false` | true or false | restart | Says less |\n");
}

TEST_F(SettingsTest, HelpAndVersion) {
  int threads = 4;
  settings_.Add("io-threads", &threads, "Event loops", {.min = 1, .max = 64});
  const Outcome help = Parse(settings_, {"--help"});
  EXPECT_FALSE(help.result.proceed);
  EXPECT_EQ(help.result.exit_code, 0);
  EXPECT_THAT(help.out, HasSubstr("--io-threads"));
  EXPECT_THAT(help.out, HasSubstr("TOPGUN_IO_THREADS, default 4"));
  EXPECT_THAT(Parse(settings_, {"--version"}).out,
              testing::MatchesRegex("topgun-test [0-9.]+ [(].+[)]\n"));
}

TEST_F(SettingsTest, ACommandNeedsNoSettings) {
  std::string required;
  bool command = false;
  settings_.Add("x", &required, "", {.required = true});
  settings_.AddCommand("print-metrics-doc", &command, "Prints the metrics");
  EXPECT_FALSE(Parse(settings_, {}).result.proceed);
  EXPECT_FALSE(command);
  EXPECT_TRUE(Parse(settings_, {"--print-metrics-doc"}).result.proceed);
  EXPECT_TRUE(command);
  EXPECT_FALSE(Parse(settings_, {}, {{"TOPGUN_PRINT_METRICS_DOC", "1"}}).result.proceed);
}

TEST_F(SettingsTest, AMisspeltFlagIsToldTheNearestName) {
  int threads = 1;
  settings_.Add("io-threads", &threads, "");
  EXPECT_THAT(Parse(settings_, {"--io-thread=2"}).err,
              HasSubstr("unknown flag --io-thread; did you mean --io-threads?"));
  EXPECT_THAT(Parse(settings_, {"--chek-config"}).err, HasSubstr("did you mean --check-config?"));
  EXPECT_THAT(Parse(settings_, {"--zzzzzzzzzz", "value"}).err,
              HasSubstr("unknown flag --zzzzzzzzzz\n"));
}

TEST(SettingsDeathTest, ANameIsDeclaredOnce) {
  Settings settings("topgun-test", "");
  int value = 0;
  settings.Add("x", &value, "");
  EXPECT_DEATH(settings.Add("x", &value, ""), "x is declared twice");
}

}  // namespace
}  // namespace topgun::config
