#include "report/campaign_report.h"

#include "report/text.h"

namespace topgun::loadgen {
namespace {

constexpr size_t kStepNameWidth = 18;
constexpr size_t kStepNumberWidth = 11;

std::string Verdict(const CampaignReport& campaign, const CampaignPart& part) {
  if (campaign.kind == CampaignReport::Kind::kFindMax) return part.passed ? "passed" : "failed";
  switch (part.report.exit_code) {
    case kExitOk:
      return "ok";
    case kExitBottleneck:
      return "INVALID";
    default:
      return "FAILED";
  }
}

std::string RowOf(const CampaignPart& part) {
  const RunReport& report = part.report;
  const RunStats& measured = report.measured;
  const Histogram& latency =
      measured.ack_latency.count() > 0 ? measured.ack_latency : measured.query_latency;
  std::string row =
      "  " + PadRight(part.name, kStepNameWidth) +
      PadLeft(part.rate > 0 ? Grouped(part.rate) : "-", kStepNumberWidth) +
      PadLeft(Grouped(report.PerSecond(report.window.ops_acked + report.window.queries_answered)),
              kStepNumberWidth);
  for (const double percent : {50.0, 99.0, 99.9}) {
    row += PadLeft(Millis(latency.Percentile(percent)), kStepNumberWidth);
  }
  return row +
         PadLeft(Grouped(report.whole.ErrorCount() + report.whole.ops_refused + report.unacked_ops),
                 kStepNumberWidth);
}

std::string Found(const CampaignReport& campaign) {
  if (campaign.best_rate == 0) {
    return "  no rate kept " + campaign.slo + "\n";
  }
  std::string text =
      "  capacity with " + campaign.slo + ": " + Grouped(campaign.best_rate) + " ops/s";
  if (campaign.failed_rate > 0) text += ", not any more at " + Grouped(campaign.failed_rate);
  if (campaign.generator_bound) text += ", where the generator itself was the bottleneck";
  if (!campaign.converged) text += " (the search was cut short)";
  return text + "\n";
}

}  // namespace

std::string RenderPartLine(const CampaignPart& part) {
  std::string text = RowOf(part);
  for (const ThresholdResult& objective : part.objectives) {
    if (!objective.passed) text += "  " + objective.text + " is " + objective.measured;
  }
  return text + "\n";
}

std::string RenderCampaign(const CampaignReport& campaign) {
  std::string text = "\n  " + PadRight("", kStepNameWidth);
  for (const char* name : {"planned/s", "reached/s", "p50 ms", "p99 ms", "p99.9 ms", "errors"}) {
    text += PadLeft(name, kStepNumberWidth);
  }
  text += "\n";
  for (const CampaignPart& part : campaign.parts) {
    text += RowOf(part) + "  " + Verdict(campaign, part) + "\n";
  }
  if (campaign.kind == CampaignReport::Kind::kFindMax) text += "\n" + Found(campaign);
  return text;
}

}  // namespace topgun::loadgen
