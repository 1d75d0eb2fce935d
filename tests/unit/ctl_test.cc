// topgunctl without a cluster: the rules of doctor, the walk of merkle diff, targets, tables,
// words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "command_line.h"
#include "findings.h"
#include "merkle_walk.h"
#include "table.h"
#include "targets.h"

namespace topgun::ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr double kNow = 1'700'000'000;
constexpr double kDay = 86'400;

Process Healthy(const std::string& program, const std::string& name) {
  Process process;
  process.target = {.name = name, .role = {}, .url = "http://" + name};
  process.program = program;
  process.name = name;
  process.version = "1.0";
  process.settings = {{"shards", "16"}};
  process.ready = true;
  process.readiness = "ready";
  return process;
}

std::vector<Process> HealthyCluster() {
  std::vector<Process> cluster = {Healthy("topgun-gateway", "g"), Healthy("topgun-sync", "s"),
                                  Healthy("topgun-storage", "p")};
  cluster[2].metrics = metrics::ParsePrometheusText("storage_owned_shards 16\n");
  return cluster;
}

std::vector<std::string> WrongOf(const std::vector<Process>& cluster, Severity severity) {
  std::vector<std::string> ids;
  for (const Finding& finding : Judge(cluster, kNow)) {
    if (finding.severity == severity) ids.push_back(finding.id);
  }
  return ids;
}

std::vector<std::string> ProblemsOf(const std::vector<Process>& cluster) {
  return WrongOf(cluster, Severity::kProblem);
}

TEST(FindingsTest, AHealthyClusterHasNone) {
  EXPECT_THAT(ProblemsOf(HealthyCluster()), IsEmpty());
  EXPECT_THAT(WrongOf(HealthyCluster(), Severity::kNotice), IsEmpty());
}

TEST(FindingsTest, EachRuleFindsItsProblem) {
  const auto spoilt = [](const std::function<void(Process&)>& spoil) {
    std::vector<Process> cluster = HealthyCluster();
    spoil(cluster[2]);
    return ProblemsOf(cluster);
  };
  EXPECT_THAT(spoilt([](Process& one) { one.ready = false; }), ElementsAre("ready"));
  EXPECT_THAT(spoilt([](Process& one) { one.readiness = "degraded: Redis is away"; }),
              ElementsAre("ready"));
  EXPECT_THAT(spoilt([](Process& one) { one.version = "1.1"; }), ElementsAre("versions"));
  EXPECT_THAT(spoilt([](Process& one) { one.settings["shards"] = "32"; }), ElementsAre("settings"));
  EXPECT_THAT(spoilt([](Process& one) { one.clock_ahead_seconds = -6; }), ElementsAre("clocks"));
  const auto with_metrics = [&](const std::string& text) {
    return spoilt([&](Process& one) { one.metrics = metrics::ParsePrometheusText(text); });
  };
  EXPECT_THAT(with_metrics("storage_owned_shards 15\n"), ElementsAre("shards"));
  EXPECT_THAT(with_metrics("storage_owned_shards 16\ngateway_connections 96\n"
                           "gateway_connections_max 100\n"),
              ElementsAre("connections"));
  EXPECT_THAT(with_metrics("storage_owned_shards 16\nsync_shards_open 15\n"),
              ElementsAre("open shards"));
  EXPECT_THAT(with_metrics("storage_owned_shards 16\nstorage_flush_lag_seconds 11\n"),
              ElementsAre("lag"));
  EXPECT_THAT(with_metrics("storage_owned_shards 16\nprocess_open_fds 90\nprocess_max_fds 100\n"),
              ElementsAre("files"));
}

TEST(FindingsTest, WhoDoesNotAnswerIsNamed) {
  std::vector<Process> cluster = HealthyCluster();
  cluster[0].reached = Unavailable("http://g: connection refused");
  const std::vector<Finding> findings = Judge(cluster, kNow);
  EXPECT_EQ(findings.front().id, "reachable") << "the worst comes first";
  EXPECT_EQ(findings.front().measured, "g: http://g: connection refused");
  EXPECT_FALSE(findings.front().next.empty());
  EXPECT_THAT(WrongOf(cluster, Severity::kNotice), ElementsAre("roles"));
}

TEST(FindingsTest, ARoundTripExcusesASkew) {
  std::vector<Process> cluster = HealthyCluster();
  cluster[0].clock_ahead_seconds = 3;
  cluster[0].round_trip_seconds = 4.5;
  EXPECT_THAT(WrongOf(cluster, Severity::kNotice), IsEmpty());
  cluster[0].round_trip_seconds = 0.1;
  EXPECT_THAT(WrongOf(cluster, Severity::kNotice), ElementsAre("clocks"));
}

TEST(FindingsTest, CertificatesAreJudgedByTheFirstToExpire) {
  const auto severity = [](double days) {
    std::vector<Process> cluster = HealthyCluster();
    const std::string name = "tls_certificate_expiry_timestamp_seconds";
    cluster[0].metrics =
        metrics::ParsePrometheusText(name + "{use=\"grpc\"} 1.9e9\n" + name + "{use=\"edge\"} " +
                                     std::to_string(kNow + days * kDay) + "\n");
    for (const Finding& finding : Judge(cluster, kNow)) {
      if (finding.id == "certificates") return finding.severity;
    }
    return Severity::kOk;
  };
  EXPECT_EQ(severity(20), Severity::kOk);
  EXPECT_EQ(severity(13), Severity::kNotice);
  EXPECT_EQ(severity(2), Severity::kProblem);
  EXPECT_EQ(severity(-1), Severity::kProblem);
}

// A tree of one leaf per record, whose hash is its text's.
class FakeTree {
 public:
  void Put(const std::string& leaf, const std::string& key, const std::string& text) {
    leaves_[leaf][key] = text;
  }
  ReadNodes Reader() {
    return [this](const std::vector<std::string>& paths,
                  bool records) -> StatusOr<std::vector<TreeNode>> {
      reads_ += paths.size();
      std::vector<TreeNode> nodes;
      for (const std::string& path : paths) nodes.push_back(NodeAt(path, records));
      return nodes;
    };
  }
  size_t reads() const { return reads_; }

 private:
  TreeNode NodeAt(const std::string& path, bool records) const {
    TreeNode node;
    for (const auto& [leaf, content] : leaves_) {
      if (!leaf.starts_with(path)) continue;
      const int64_t hash = HashOf(content);
      node.hash += hash;
      if (path.size() < kMerkleDepth) node.children[leaf[path.size()]] += hash;
      if (records) node.records.insert(content.begin(), content.end());
    }
    return node;
  }
  static int64_t HashOf(const std::map<std::string, std::string>& content) {
    int64_t hash = 0;
    for (const auto& [key, text] : content) {
      hash += static_cast<int64_t>(std::hash<std::string>{}(key + text) % 1'000'000);
    }
    return hash;
  }

  std::map<std::string, std::map<std::string, std::string>> leaves_;
  size_t reads_ = 0;
};

TEST(MerkleWalkTest, EqualTreesAreReadAtTheRootOnly) {
  FakeTree left;
  FakeTree right;
  for (FakeTree* const tree : {&left, &right}) tree->Put("0a1", "key", "1");
  const auto difference = CompareTrees(left.Reader(), right.Reader());
  ASSERT_TRUE(difference.ok());
  EXPECT_THAT(difference->keys, IsEmpty());
  EXPECT_EQ(difference->left_root, difference->right_root);
  EXPECT_EQ(left.reads(), 1U);
}

TEST(MerkleWalkTest, OnlyWhatDiffersIsFollowed) {
  FakeTree left;
  FakeTree right;
  for (FakeTree* const tree : {&left, &right}) {
    tree->Put("0a1", "same", "1");
    tree->Put("fff", "neighbour", "1");
  }
  left.Put("fff", "changed", "2");
  right.Put("fff", "changed", "3");
  left.Put("fe0", "left only", "4");
  right.Put("000", "right only", "5");
  const auto difference = CompareTrees(left.Reader(), right.Reader());
  ASSERT_TRUE(difference.ok());
  EXPECT_THAT(difference->keys,
              ElementsAre(KeyDifference{"right only", "", "5"}, KeyDifference{"left only", "4", ""},
                          KeyDifference{"changed", "2", "3"}));
  EXPECT_EQ(difference->leaves, 3U);
  EXPECT_EQ(left.reads(), 1U + 2U + 3U + 3U) << "root, two digits, three pairs, three leaves";
}

TEST(MerkleWalkTest, ManyDifferencesAreReadInShares) {
  FakeTree left;
  FakeTree right;
  constexpr std::string_view kHex = "0123456789abcdef";
  for (const char a : kHex) {
    for (const char b : kHex) left.Put(std::string{a, b, '0'}, std::string{a, b}, "1");
  }
  const auto difference = CompareTrees(left.Reader(), right.Reader());
  ASSERT_TRUE(difference.ok());
  EXPECT_EQ(difference->keys.size(), 256U);
}

TEST(MerkleWalkTest, AReaderThatFailsEndsIt) {
  FakeTree right;
  const ReadNodes left = [](const auto&, bool) -> StatusOr<std::vector<TreeNode>> {
    return Unavailable("gone");
  };
  EXPECT_EQ(CompareTrees(left, right.Reader()).status().code(), StatusCode::kUnavailable);
}

TEST(MerkleWalkTest, OnlyWhatDiffersTwiceLasts) {
  EXPECT_THAT(Lasting({{"a", "1", "2"}, {"b", "1", ""}}, {{"a", "1", "2"}, {"b", "1", "3"}}),
              ElementsAre(KeyDifference{"a", "1", "2"}));
}

TEST(TargetsTest, AddressesMayLeaveThePortOut) {
  const auto targets = ResolveTargets({"127.0.0.1", "127.0.0.2:81", "[::1]:82"});
  ASSERT_TRUE(targets.ok());
  ASSERT_EQ(targets->size(), 3U);
  EXPECT_EQ((*targets)[0].url, "http://127.0.0.1:9090");
  EXPECT_EQ((*targets)[1].url, "http://127.0.0.2:81");
  EXPECT_EQ((*targets)[2].url, "http://[::1]:82");
  EXPECT_FALSE(ResolveTargets({"127.0.0.1:port"}).ok());
}

TEST(TargetsTest, GatewaysHaveManySpellings) {
  EXPECT_EQ(ParseGateway("a:8080")->url, "http://a:8080");
  EXPECT_EQ(ParseGateway("ws://a:8080/ws")->url, "http://a:8080");
  EXPECT_EQ(ParseGateway("wss://a/ws")->url, "https://a");
  EXPECT_FALSE(ParseGateway("ftp://a").ok());
  EXPECT_FALSE(ParseGateway("http:///ws").ok());
}

TEST(TargetsTest, AMisspeltNameIsToldTheNearest) {
  const std::vector<Target> targets = {{"gateway-1", "gateway", "http://127.0.0.1:1"},
                                       {"sync-1", "sync", "http://127.0.0.1:2"}};
  EXPECT_EQ(FindTarget(targets, "sync-1")->url, "http://127.0.0.1:2");
  EXPECT_EQ(FindTarget(targets, "127.0.0.1:1")->name, "gateway-1");
  EXPECT_THAT(std::string(Message(FindTarget(targets, "gatewy-1").status())),
              HasSubstr("did you mean gateway-1? There are gateway-1 sync-1"));
}

TEST(TableTest, ColumnsAreAsWideAsTheirCells) {
  Table table({"A", "B"});
  table.Add({"äöü", "1"});
  table.Add({"x", "2"});
  EXPECT_EQ(table.Render(), "A    B\näöü  1\nx    2\n");
}

TEST(TableTest, AmountsHaveUnits) {
  EXPECT_EQ(FormatSeconds(0.35), "350ms");
  EXPECT_EQ(FormatSeconds(200), "3m20s");
  EXPECT_EQ(FormatSeconds(3 * kDay), "3d");
  EXPECT_EQ(FormatBytes(512), "512 B");
  EXPECT_EQ(FormatBytes(1.5 * 1024 * 1024), "1.5 MiB");
}

TEST(CommandLineTest, VerbsAndTheirMistakes) {
  EXPECT_TRUE(ReadCommandLine({"status", "--admin", "a:1,b:2", "--json"}).run);
  const Command list = ReadCommandLine({"--admin=a:1,b:2", "connections"});
  EXPECT_THAT(list.session.admin, ElementsAre("a:1", "b:2"));
  EXPECT_TRUE(list.run);
  EXPECT_TRUE(ReadCommandLine({"connections", "kill", "g/0.1.1"}).run);
  EXPECT_TRUE(ReadCommandLine({"drain", "--admin", "a:1", "gateway-1"}).run);
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{"statsu"},
                                                {"merkle"},
                                                {"merkle", "diff", "todos"},
                                                {"connections", "kill"},
                                                {"status", "--timeout=0"},
                                                {"status", "--nonsense"}}) {
    const Command command = ReadCommandLine(wrong);
    EXPECT_FALSE(command.run) << wrong.back();
    EXPECT_EQ(command.exit_code, kUsage) << wrong.back();
    EXPECT_NE(command.text, "") << wrong.back();
  }
  EXPECT_THAT(ReadCommandLine({"statsu"}).text, HasSubstr("Did you mean status?"));
  const Command help = ReadCommandLine({});
  EXPECT_FALSE(help.run);
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.text, HasSubstr("Exit codes"));
  EXPECT_THAT(ReadCommandLine({"merkle", "diff", "--help"}).text, HasSubstr("--between"));
  EXPECT_THAT(ReadCommandLine({"--version"}).text, HasSubstr("topgunctl "));
}

}  // namespace
}  // namespace topgun::ctl
