#include "logging/logging.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <limits>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "logging/recent.h"

namespace topgun::logging {
namespace {

using boost::json::object;
using std::chrono::milliseconds;

// The lines written to stderr while `action` ran, parsed. A line that is not JSON fails the test.
template <typename Action>
std::vector<object> LinesOf(Action action) {
  testing::internal::CaptureStderr();
  action();
  std::istringstream output(testing::internal::GetCapturedStderr());
  std::vector<object> lines;
  for (std::string line; std::getline(output, line);) {
    boost::system::error_code error;
    const auto value = boost::json::parse(line, error);
    EXPECT_FALSE(error) << line;
    if (!error) lines.push_back(value.as_object());
  }
  return lines;
}

std::string Text(const object& line, const char* name) {
  return std::string(line.at(name).as_string());
}

class LoggingTest : public testing::Test {
 protected:
  void SetUp() override { Init("topgun-test", Level::kInfo); }
};

TEST_F(LoggingTest, WritesOneObjectPerEventWithTheFixedMembersAndTheFields) {
  const auto lines = LinesOf([] {
    Warning("redis", "connection lost",
            {{"endpoint", "localhost:1"},
             {"attempt", 3},
             {"bytes", uint64_t{18446744073709551615U}},
             {"offset", int64_t{-7}},
             {"seconds", 0.25},
             {"final", true}});
  });
  ASSERT_EQ(lines.size(), 1U);
  const object& line = lines[0];
  EXPECT_TRUE(
      std::regex_match(Text(line, "ts"), std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)")));
  EXPECT_EQ(Text(line, "level"), "warning");
  EXPECT_EQ(Text(line, "service"), "topgun-test");
  EXPECT_EQ(Text(line, "component"), "redis");
  EXPECT_EQ(Text(line, "msg"), "connection lost");
  EXPECT_EQ(Text(line, "endpoint"), "localhost:1");
  EXPECT_EQ(line.at("attempt").as_int64(), 3);
  EXPECT_EQ(line.at("bytes").as_uint64(), 18446744073709551615U);
  EXPECT_EQ(line.at("offset").as_int64(), -7);
  EXPECT_EQ(line.at("seconds").as_double(), 0.25);
  EXPECT_TRUE(line.at("final").as_bool());
  EXPECT_EQ(line.size(), 11U);
}

TEST_F(LoggingTest, NamesEveryLevel) {
  SetLevel(Level::kDebug);
  const auto lines = LinesOf([] {
    Debug("c", "m");
    Info("c", "m");
    Warning("c", "m");
    Error("c", "m");
  });
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(Text(lines[0], "level"), "debug");
  EXPECT_EQ(Text(lines[1], "level"), "info");
  EXPECT_EQ(Text(lines[2], "level"), "warning");
  EXPECT_EQ(Text(lines[3], "level"), "error");
}

TEST_F(LoggingTest, LeavesOutWhatIsBelowTheLevel) {
  SetLevel(Level::kWarning);
  EXPECT_FALSE(Enabled(Level::kInfo));
  EXPECT_TRUE(Enabled(Level::kWarning));
  const auto lines = LinesOf([] {
    Info("c", "quiet");
    Error("c", "loud");
  });
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(Text(lines[0], "msg"), "loud");
}

TEST_F(LoggingTest, KeepsPercentSignsAndQuotesOfTheServiceName) {
  Init("a%v\"b", Level::kInfo);
  const auto lines = LinesOf([] { Info("c", "100% {} done"); });
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(Text(lines[0], "service"), "a%v\"b");
  EXPECT_EQ(Text(lines[0], "msg"), "100% {} done");
}

TEST_F(LoggingTest, EscapesControlBytesAndKeepsOneLinePerEvent) {
  const std::string hostile("a\n\"b\\\x01\x7f\t\0end", 12);
  const auto lines = LinesOf([&] { Info("c", "m", {{"name", hostile}}); });
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(Text(lines[0], "name"), hostile);
}

TEST_F(LoggingTest, KeepsUtf8AndReplacesEverythingElse) {
  const auto logged = [](std::string_view text) {
    const auto lines = LinesOf([&] { Info("c", "m", {{"name", text}}); });
    return lines.size() == 1 ? Text(lines[0], "name") : "no line";
  };
  EXPECT_EQ(logged("gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80"),
            "gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80");
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(logged("\xFF"), bad);
  EXPECT_EQ(logged("\xC3"), bad) << "cut sequence";
  EXPECT_EQ(logged("\xC0\xAF"), bad + bad) << "overlong";
  EXPECT_EQ(logged("\xE0\x9F\xBF"), bad + bad + bad) << "overlong";
  EXPECT_EQ(logged("\xED\xA0\x80"), bad + bad + bad) << "surrogate";
  EXPECT_EQ(logged("\xF4\x90\x80\x80"), bad + bad + bad + bad) << "past U+10FFFF";
}

TEST_F(LoggingTest, CutsLongTexts) {
  const auto lines = LinesOf([] { Info("c", std::string(5000, 'x')); });
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(Text(lines[0], "msg"), std::string(4096, 'x') + "...");
}

TEST_F(LoggingTest, WritesNullForNumbersJsonDoesNotHave) {
  const auto lines = LinesOf([] {
    Info("c", "m", {{"a", std::numeric_limits<double>::infinity()}, {"b", std::nan("")}});
  });
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_TRUE(lines[0].at("a").is_null());
  EXPECT_TRUE(lines[0].at("b").is_null());
}

TEST_F(LoggingTest, DoesNotMixLinesOfSeveralThreads) {
  constexpr int kThreads = 4;
  constexpr int kLines = 200;
  const auto lines = LinesOf([] {
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([] {
        for (int n = 0; n < kLines; ++n) Info("c", "m", {{"n", n}});
      });
    }
    for (std::thread& thread : threads) thread.join();
  });
  EXPECT_EQ(lines.size(), static_cast<size_t>(kThreads * kLines));
}

TEST(ParseLevelTest, AcceptsTheFourNamesOnly) {
  EXPECT_EQ(*ParseLevel("debug"), Level::kDebug);
  EXPECT_EQ(*ParseLevel("info"), Level::kInfo);
  EXPECT_EQ(*ParseLevel("warning"), Level::kWarning);
  EXPECT_EQ(*ParseLevel("error"), Level::kError);
  const auto unknown = ParseLevel("loud");
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(Message(unknown.status()).find("\"loud\""), std::string_view::npos);
}

TEST(RateLimitTest, AllowsOneLinePerIntervalAndCountsTheRest) {
  RateLimit limit(milliseconds(1000));
  const std::chrono::steady_clock::time_point start;  // even the epoch itself counts as first
  uint64_t suppressed = 99;
  EXPECT_TRUE(limit.Allow(&suppressed, start));
  EXPECT_EQ(suppressed, 0U);
  EXPECT_FALSE(limit.Allow(&suppressed, start + milliseconds(1)));
  EXPECT_FALSE(limit.Allow(&suppressed, start + milliseconds(999)));
  EXPECT_TRUE(limit.Allow(&suppressed, start + milliseconds(1000)));
  EXPECT_EQ(suppressed, 2U);
  EXPECT_TRUE(limit.Allow(&suppressed, start + milliseconds(2000)));
  EXPECT_EQ(suppressed, 0U);
}

TEST(RecentLinesTest, ARepeatedMessageIsOneEntryAndTheLastOneComesFirst) {
  RecentLines recent(10);
  recent.Add(Level::kWarning, "redis", "connection lost", R"("attempt":1)", 100);
  recent.Add(Level::kError, "redis", "connection lost", R"("attempt":2)", 200);
  recent.Add(Level::kWarning, "redis", "connection lost", R"("attempt":3)", 300);
  const std::vector<RecentEntry> newest = recent.Newest();
  ASSERT_EQ(newest.size(), 2U);
  EXPECT_EQ(newest[0].level, Level::kWarning);
  EXPECT_EQ(newest[0].lines, 2U);
  EXPECT_EQ(newest[0].first_ms, 100);
  EXPECT_EQ(newest[0].last_ms, 300);
  EXPECT_EQ(newest[0].members, R"("attempt":3)");
  EXPECT_EQ(newest[1].level, Level::kError);
  EXPECT_EQ(newest[1].lines, 1U);
}

TEST(RecentLinesTest, BeyondTheLimitTheOneThatIsSilentForLongestGoes) {
  RecentLines recent(2);
  recent.Add(Level::kError, "a", "first", "", 1);
  recent.Add(Level::kError, "a", "second", "", 2);
  recent.Add(Level::kError, "a", "first", "", 3);
  recent.Add(Level::kError, "a", "third", "", 4);
  const std::vector<RecentEntry> newest = recent.Newest();
  ASSERT_EQ(newest.size(), 2U);
  EXPECT_EQ(newest[0].message, "third");
  EXPECT_EQ(newest[1].message, "first");
}

TEST(RecentLinesTest, FieldsThatAreTooLongAreLeftOut) {
  RecentLines recent(1);
  recent.Add(Level::kError, "a", "b", std::string(RecentLines::kMembersBytesMax + 1, 'x'), 1);
  EXPECT_EQ(recent.Newest().front().members, R"("component":"a","msg":"b")");
}

TEST_F(LoggingTest, WarningsAndErrorsAreRemembered) {
  LinesOf([] {
    Warning("recent-test", "remembered \"quoted\"", {{"map", "<img>"}});
    Info("recent-test", "not remembered");
  });
  const std::vector<RecentEntry> recent = Recent();
  ASSERT_FALSE(recent.empty());
  const object line = boost::json::parse("{" + recent.front().members + "}").as_object();
  EXPECT_EQ(Text(line, "msg"), "remembered \"quoted\"");
  EXPECT_EQ(Text(line, "map"), "<img>");
  EXPECT_TRUE(std::none_of(recent.begin(), recent.end(), [](const RecentEntry& entry) {
    return entry.message == "not remembered";
  }));
}

}  // namespace
}  // namespace topgun::logging
