#include "report/summary.h"

#include <algorithm>

#include "report/campaign_report.h"
#include "report/tables.h"
#include "report/text.h"

namespace topgun::loadgen {
namespace {

constexpr size_t kSummaryNameWidth = 29;
constexpr size_t kNumberWidth = 11;

std::string RenderTable(const Table& table) {
  size_t name_width = kSummaryNameWidth;
  for (const auto& row : table.rows) name_width = std::max(name_width, row[0].size() + 2);
  std::string text = "\n  " + PadRight(table.title, name_width);
  for (const std::string& column : table.columns) text += PadLeft(column, kNumberWidth);
  text += "\n";
  for (const auto& row : table.rows) {
    text += "  " + PadRight(row[0], name_width);
    for (size_t i = 1; i < row.size(); ++i) {
      text += table.wide ? row[i] : PadLeft(row[i], kNumberWidth);
    }
    text += "\n";
  }
  return text;
}

}  // namespace

std::string RenderSummary(const Config& config, const RunReport& report) {
  std::string text;
  if (report.unreachable.empty()) {
    text += "\nResult" + std::string(report.interrupted ? " (interrupted)" : "") + "\n";
    for (const Table& table : ReportTables(config, report)) text += RenderTable(table);
    if (report.campaign) text += RenderCampaign(*report.campaign);
  }
  text += "\n";
  for (const std::string& problem : report.problems) text += "  ! " + problem + "\n";
  for (const ServerReport::Service& service : report.server.services) {
    if (!service.error.empty()) {
      text += "  ! no metrics of " + service.name + ": " + service.error + "\n";
    }
  }
  text += VerdictText(config, report) + "\n";
  return text + (report.exit_code == kExitOk ? "OK\n" : "FAILED\n");
}

}  // namespace topgun::loadgen
