// The rules behind Judge(), by what they are about. Each appends its findings, one at least unless
// it does not apply. Pure. For findings.cc only.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "findings.h"
#include "process.h"

namespace topgun::ctl {

using Processes = std::vector<const Process*>;  // that answered

inline Finding Ok(std::string id, std::string measured) {
  return {Severity::kOk, std::move(id), std::move(measured), {}};
}
inline Finding Notice(std::string id, std::string measured, std::string next) {
  return {Severity::kNotice, std::move(id), std::move(measured), std::move(next)};
}
inline Finding Problem(std::string id, std::string measured, std::string next) {
  return {Severity::kProblem, std::move(id), std::move(measured), std::move(next)};
}

// Whether the processes agree: versions, settings, clocks (agreement_rules.cc).
void JudgeVersions(const Processes& processes, std::vector<Finding>& out);
void JudgeSettings(const Processes& processes, std::vector<Finding>& out);
void JudgeClocks(const Processes& processes, std::vector<Finding>& out);

// Whether all shards are served, and persistence keeps up (shard_rules.cc).
void JudgeOpenShards(const Processes& processes, std::vector<Finding>& out);
void JudgeShards(const Processes& processes, std::vector<Finding>& out);
void JudgeLag(const Processes& processes, std::vector<Finding>& out);

// What runs out: certificates, connections, file descriptors (limit_rules.cc). `now` is the wall
// clock in seconds.
void JudgeCertificates(const Processes& processes, double now, std::vector<Finding>& out);
void JudgeConnections(const Processes& processes, std::vector<Finding>& out);
void JudgeFiles(const Processes& processes, std::vector<Finding>& out);

}  // namespace topgun::ctl
