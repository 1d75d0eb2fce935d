// The scenarios themselves.
#include "options/scenario.h"

namespace topgun::loadgen {
namespace {

using Options = std::vector<std::string>;

// YCSB's core workloads, as near as a sync protocol comes to them: what a client reads is a map, by
// the snapshot of a query, so many small maps stand for the records.
Options Ycsb(Options own) {
  Options all = {"--connections=100",    "--batch=1",        "--inflight=1",
                 "--maps=1000",          "--keys=10",        "--preload",
                 "--key-dist=zipf:0.99", "--value-size=100", "--map-prefix=ycsb"};
  all.insert(all.end(), own.begin(), own.end());
  return all;
}

std::vector<Scenario> WriteScenarios() {
  return {
      {"smoke",
       "five seconds of mixed writes with subscribers, verified",
       {"--connections=10", "--batch=20", "--inflight=2", "--maps=4", "--map-type=mixed",
        "--remove-ratio=0.1", "--subscribers=2", "--verify=acks", "--duration=5s", "--warmup=0s",
        "--keys=200"}},
      {"write", "as many puts as the cluster takes", {}},
      {"persisted",
       "puts acknowledged when they are in Postgres",
       {"--batch=20", "--write-concern=PERSISTED"}},
      {"or", "additions to OR maps", {"--map-type=or"}},
      {"new-keys",
       "every put makes a new key: nothing to coalesce",
       {"--key-dist=seq", "--keys=0", "--duration=60s"}},
      {"single", "one operation per frame", {"--batch=1"}},
      {"mixed",
       "puts, removals, OR maps, TTLs and queries together",
       {"--mix=put=60,remove=10,or-add=20,or-remove=10,query=5", "--keys=100", "--ttl-ratio=0.05",
        "--ttl=60s", "--batch=20"}},
      {"tombstone-churn",
       "few keys that are written and removed all the time",
       {"--mix=put=30,remove=30,or-add=20,or-remove=20", "--keys=100", "--batch=20"}},
  };
}

std::vector<Scenario> LiveScenarios() {
  return {
      {"query",
       "20 writers, 20 live queries, 200 keys; every query must show what was acknowledged",
       {"--connections=20", "--subscribers=20", "--maps=1", "--keys=200", "--batch=10",
        "--map-prefix=live", "--verify=live"}},
      {"fanout",
       "few writes that reach many live queries, at a fixed rate; verified",
       {"--connections=2", "--subscribers=200", "--maps=1", "--keys=200", "--batch=1", "--rate=100",
        "--map-prefix=live", "--verify=live"}},
  };
}

std::vector<Scenario> YcsbScenarios() {
  return {
      {"ycsb-a", "half reads, half updates", Ycsb({"--mix=query=50,put=50"})},
      {"ycsb-b", "19 reads for each update", Ycsb({"--mix=query=95,put=5"})},
      {"ycsb-c", "reads only", Ycsb({"--mix=query=100"})},
      {"ycsb-d", "updates in sequence, and 19 times as many reads",
       Ycsb({"--mix=query=95,put=5", "--key-dist=seq"})},
      {"ycsb-e", "updates, and 19 times as many reads of maps with 100 rows",
       Ycsb({"--mix=query=95,put=5", "--maps=100", "--keys=100"})},
      {"ycsb-f", "half reads, half reads followed by an update of the same key",
       Ycsb({"--mix=query=50,rmw=50"})},
  };
}

std::vector<Scenario> ClientScenarios() {
  return {
      {"offline-rejoin",
       "clients that are away for 5 s of every 15 s and send what they wrote, verified",
       {"--connections=50", "--batch=10", "--rate=2k", "--maps=4", "--map-type=mixed",
        "--offline=5s/15s", "--verify=acks", "--duration=30s", "--warmup=0s", "--keys=500"}},
      {"merkle-current",
       "clients that are up to date sync a map",
       {"--lack=nothing", "--connections=1", "--keys=100k", "--maps=1", "--map-prefix=merkle",
        "--syncs=500"},
       ScenarioKind::kMerkle},
      {"merkle-delta",
       "clients that lack --behind keys sync a map",
       {"--lack=some", "--connections=1", "--keys=100k", "--maps=1", "--map-prefix=merkle",
        "--syncs=50"},
       ScenarioKind::kMerkle},
      {"merkle-cold",
       "clients that have nothing sync a map",
       {"--lack=everything", "--connections=1", "--keys=100k", "--maps=1", "--map-prefix=merkle",
        "--syncs=5"},
       ScenarioKind::kMerkle},
      {"idle",
       "10 000 connections that only keep their heartbeat",
       {"--connections=10000", "--conn-rate=1000", "--duration=30s"},
       ScenarioKind::kIdle},
      {"connect-storm",
       "clients that connect, authenticate, query and leave",
       {"--connections=100", "--maps=1", "--map-prefix=storm", "--duration=20s"},
       ScenarioKind::kStorm},
  };
}

std::vector<Scenario> MakeAll() {
  std::vector<Scenario> all = WriteScenarios();
  for (auto make : {LiveScenarios, ClientScenarios, YcsbScenarios}) {
    const std::vector<Scenario> more = make();
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

}  // namespace

const std::vector<Scenario>& Scenarios() {
  static const std::vector<Scenario> kScenarios = MakeAll();
  return kScenarios;
}

}  // namespace topgun::loadgen
