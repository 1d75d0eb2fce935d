// topgunctl doctor: is the cluster put together rightly? Findings with numbers and the next step.
#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <utility>

#include "findings.h"
#include "process.h"
#include "rpc_report.h"
#include "verbs/verbs.h"

namespace topgun::ctl {
namespace {

namespace json = boost::json;

const char* SeverityName(Severity severity) {
  if (severity == Severity::kProblem) return "PROBLEM";
  return severity == Severity::kNotice ? "notice" : "ok";
}

void PrintText(const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    std::printf("%-8s %-13s %s\n", SeverityName(finding.severity), finding.id.c_str(),
                finding.measured.c_str());
    if (!finding.next.empty()) std::printf("%-8s %-13s next: %s\n", "", "", finding.next.c_str());
  }
}

json::array Describe(const std::vector<Finding>& findings) {
  json::array list;
  for (const Finding& finding : findings) {
    json::object one{
        {"severity",
         finding.severity == Severity::kProblem ? "problem" : SeverityName(finding.severity)},
        {"id", finding.id},
        {"measured", finding.measured}};
    if (!finding.next.empty()) one["next"] = finding.next;
    list.push_back(std::move(one));
  }
  return list;
}

StatusOr<std::vector<Finding>> Examine(const Session& session) {
  ASSIGN_OR_RETURN(const Targets targets, session.AllTargets());
  ASSIGN_OR_RETURN(const std::vector<RpcLook> servers, LookAtRpc(session, targets.rpc));
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  std::vector<Finding> findings = Judge(servers);
  if (!targets.admin.empty()) {
    std::vector<Finding> more = Judge(LookAt(session, targets.admin), now.count());
    findings.insert(findings.end(), more.begin(), more.end());
  }
  WorstFirst(findings);
  return findings;
}

}  // namespace

int RunDoctor(const Session& session) {
  const auto examined = Examine(session);
  if (!examined.ok()) return Fail(examined.status());
  const std::vector<Finding>& findings = *examined;
  if (session.json()) {
    PrintJson(json::object{{"findings", Describe(findings)}});
  } else {
    PrintText(findings);
  }
  // The worst comes first.
  return findings.front().severity == Severity::kProblem ? kNo : kYes;
}

}  // namespace topgun::ctl
