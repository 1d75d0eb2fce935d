// Everything that a run is told in: progress on stderr, files, the admin port, the summary.
//
//   Outputs outputs(config);
//   RETURN_IF_ERROR(outputs.Open());         // before the run: a wrong path must not cost one
//   RunReport report = run.Execute();        // with &outputs as its observer
//   RETURN_IF_ERROR(outputs.Finish(&report));
//
// Belongs to the thread that executes the run.
#pragma once

#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "config.h"
#include "report/live_metrics.h"
#include "report/progress_writer.h"
#include "report/run_report.h"
#include "report/series.h"

namespace topgun::loadgen {

class Outputs final : public RunObserver {
 public:
  // `config` must outlive the outputs.
  explicit Outputs(const Config& config);

  // Opens all files and the port, and reads the baseline of --compare.
  Status Open();
  void OnInterval(const Interval& interval) override;
  // Judges limits and comparison, writes the files and the summary to stdout.
  Status Finish(RunReport* report);

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  using File = std::unique_ptr<std::FILE, Close>;

  static Status OpenFile(const char* option, const std::string& path, File* file);
  Status Compare(RunReport* report) const;

  const Config& config_;
  Series series_;
  double offset_s_ = 0;  // of the run at hand among several in a row
  double last_s_ = 0;
  std::optional<ProgressWriter> progress_;
  std::optional<LiveMetrics> live_metrics_;
  std::string baseline_;
  File json_;
  File ndjson_;
  File csv_;
  File hdr_;
  File html_;
  File junit_;
};

}  // namespace topgun::loadgen
