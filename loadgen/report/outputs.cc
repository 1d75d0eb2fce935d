#include "report/outputs.h"

#include <string_view>

#include "report/campaign_report.h"
#include "report/compare_report.h"
#include "report/hdr_report.h"
#include "report/html_report.h"
#include "report/json_report.h"
#include "report/junit_report.h"
#include "report/summary.h"

namespace topgun::loadgen {
namespace {

Status Write(std::FILE* file, const std::string& path, std::string_view content) {
  const bool written = std::fwrite(content.data(), 1, content.size(), file) == content.size();
  if (!written || std::fflush(file) != 0) return Unavailable("cannot write " + path);
  return OkStatus();
}

}  // namespace

Outputs::Outputs(const Config& config) : config_(config) {
  if (config.output.quiet) return;
  progress_.emplace(ProgressWriter::ForStderr(config.output.progress, config.load.rate));
}

Status Outputs::OpenFile(const char* option, const std::string& path, File* file) {
  if (path.empty()) return OkStatus();
  file->reset(std::fopen(path.c_str(), "wb"));
  if (!*file) return InvalidArgument(std::string(option) + ": cannot write " + path);
  return OkStatus();
}

Status Outputs::Open() {
  const OutputConfig& output = config_.output;
  // First, because a report may be written over the one that it is compared with.
  if (!output.compare_path.empty()) {
    ASSIGN_OR_RETURN(baseline_, ReadBaseline(output.compare_path));
  }
  RETURN_IF_ERROR(OpenFile("--json", output.json_path, &json_));
  RETURN_IF_ERROR(OpenFile("--ndjson", output.ndjson_path, &ndjson_));
  RETURN_IF_ERROR(OpenFile("--csv", output.csv_path, &csv_));
  RETURN_IF_ERROR(OpenFile("--hdr", output.hdr_path, &hdr_));
  RETURN_IF_ERROR(OpenFile("--html", output.html_path, &html_));
  RETURN_IF_ERROR(OpenFile("--junit", output.junit_path, &junit_));
  if (output.prometheus_listen.empty()) return OkStatus();
  return Annotate(live_metrics_.emplace(output.prometheus_listen).Start(), "--prometheus");
}

void Outputs::OnInterval(const Interval& interval) {
  SeriesPoint point = MakePoint(interval);
  // Each of several runs in a row starts at 0.
  if (point.at_s + offset_s_ < last_s_) offset_s_ = last_s_;
  point.at_s += offset_s_;
  last_s_ = point.at_s;
  // Flushed, so that whoever follows the file sees each second; that it cannot be written any more
  // is told at the end.
  if (ndjson_)
    Write(ndjson_.get(), config_.output.ndjson_path, RenderPointJson(point) + "\n").IgnoreError();
  series_.Add(std::move(point));
  if (live_metrics_) live_metrics_->OnInterval(interval);
  if (progress_) progress_->OnInterval(interval);
}

Status Outputs::Compare(RunReport* report) const {
  if (baseline_.empty() || !report->unreachable.empty()) return OkStatus();
  ASSIGN_OR_RETURN(report->comparison, CompareReports(baseline_, RenderJson(config_, *report),
                                                      config_.output.tolerance));
  report->comparison->base_path = config_.output.compare_path;
  return OkStatus();
}

Status Outputs::Finish(RunReport* report) {
  const OutputConfig& output = config_.output;
  const Config& shown = report->campaign ? report->campaign->config : config_;
  report->series = series_.points();
  RETURN_IF_ERROR(Compare(report));
  if (report->unreachable.empty()) JudgeLimits(output.thresholds, report);
  std::fputs(RenderSummary(shown, *report).c_str(), stdout);
  if (json_) RETURN_IF_ERROR(Write(json_.get(), output.json_path, RenderJson(shown, *report)));
  if (csv_) RETURN_IF_ERROR(Write(csv_.get(), output.csv_path, RenderCsv(report->series)));
  if (hdr_) {
    RETURN_IF_ERROR(Write(hdr_.get(), output.hdr_path, RenderHgrm(report->measured.ack_latency)));
  }
  if (html_) RETURN_IF_ERROR(Write(html_.get(), output.html_path, RenderHtml(shown, *report)));
  if (junit_) RETURN_IF_ERROR(Write(junit_.get(), output.junit_path, RenderJunit(*report)));
  if (ndjson_ && std::ferror(ndjson_.get()) != 0) {
    return Unavailable("cannot write " + output.ndjson_path);
  }
  return OkStatus();
}

}  // namespace topgun::loadgen
