// Several runs in a row: the steps, the search or the phases of a plan. Each is a run of its own,
// with its own connections, so that no backlog of one is seen in the next.
//
// Main thread only.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "config.h"
#include "report/campaign_report.h"

namespace topgun::loadgen {

class Campaign {
 public:
  using Drive = std::function<RunReport(const NamedConfig&)>;

  // `drive` executes one run. Lines about what is done go to stderr unless the config says quiet.
  // All must outlive the campaign.
  Campaign(const Config& config, const std::vector<NamedConfig>& phases,
           const std::atomic<bool>& interrupted, Drive drive);

  // The report of one run speaks for all: that of the capacity found, or else the last one. Its
  // exit code and problems are those of all of them. A run that could not take place, or that lost
  // an agent, is the last one.
  RunReport Execute();

 private:
  void RunSteps();
  void Search();
  void RunPhases();
  CampaignPart& RunPart(const NamedConfig& run);
  RunReport Conclude();

  const Config& config_;
  const std::vector<NamedConfig>& phases_;
  const std::atomic<bool>& interrupted_;
  const Drive drive_;
  CampaignReport campaign_;
};

}  // namespace topgun::loadgen
