#include "finding_rules.h"

#include <algorithm>
#include <string>

#include "table.h"

namespace topgun::ctl {
namespace {

constexpr double kDay = 86'400;
constexpr double kCertificateNotice = 14 * kDay;
constexpr double kCertificateProblem = 3 * kDay;
constexpr double kFileShare = 0.8;
constexpr double kConnectionsNotice = 0.8;
constexpr double kConnectionsProblem = 0.95;

}  // namespace

void JudgeCertificates(const Processes& processes, double now, std::vector<Finding>& out) {
  double soonest = 0;
  for (const Process* const process : processes) {
    const auto expires = process->metrics.Min("tls_certificate_expiry_timestamp_seconds");
    if (!expires || *expires <= 0) continue;
    soonest = soonest == 0 ? *expires : std::min(soonest, *expires);
    const double left = *expires - now;
    if (left >= kCertificateNotice) continue;
    const std::string measured =
        process->name + (left <= 0 ? "'s certificate has expired"
                                   : "'s certificate expires in " + FormatSeconds(left));
    const std::string next = "renew it; the process takes the new file without a restart";
    out.push_back(left < kCertificateProblem ? Problem("certificates", measured, next)
                                             : Notice("certificates", measured, next));
  }
  if (soonest == 0) {
    out.push_back(Ok("certificates", "none is in use"));
  } else if (soonest - now >= kCertificateNotice) {
    out.push_back(Ok("certificates", "the first expires in " + FormatSeconds(soonest - now)));
  }
}

void JudgeConnections(const Processes& processes, std::vector<Finding>& out) {
  double worst = 0;
  for (const Process* const process : processes) {
    const double open = process->metrics.Sum("gateway_connections").value_or(0);
    const double most = process->metrics.Sum("gateway_connections_max").value_or(0);
    if (most <= 0) continue;
    worst = std::max(worst, open / most);
    if (open / most < kConnectionsNotice) continue;
    const std::string measured = process->name + " has " + FormatCount(open) + " of " +
                                 FormatCount(most) + " connections open";
    const std::string next = "add gateways, or raise --connections-max (a reload suffices)";
    out.push_back(open / most < kConnectionsProblem ? Notice("connections", measured, next)
                                                    : Problem("connections", measured, next));
  }
  if (worst < kConnectionsNotice) {
    out.push_back(
        Ok("connections", "at most " + FormatCount(worst * 100) + " % of a limit are open"));
  }
}

void JudgeFiles(const Processes& processes, std::vector<Finding>& out) {
  double worst = 0;
  for (const Process* const process : processes) {
    const double open = process->metrics.Sum("process_open_fds").value_or(0);
    const double most = process->metrics.Sum("process_max_fds").value_or(0);
    if (most <= 0) continue;
    worst = std::max(worst, open / most);
    if (open / most < kFileShare) continue;
    out.push_back(Problem("files",
                          process->name + " has " + FormatCount(open) + " of " + FormatCount(most) +
                              " file descriptors open",
                          "raise its limit (LimitNOFILE, ulimit -n), or add replicas"));
  }
  if (worst < kFileShare) {
    out.push_back(Ok("files", "at most " + FormatCount(worst * 100) + " % of a limit are open"));
  }
}

}  // namespace topgun::ctl
