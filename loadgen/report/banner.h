// What runs, against what, on what: printed before a run and put into its JSON report.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config.h"

namespace topgun::loadgen {

// Name and value of every parameter, in reading order; no secrets.
using Parameters = std::vector<std::pair<std::string, std::string>>;

Parameters DescribeConfig(const Config& config);
Parameters DescribeMachine();

std::string RunName(uint32_t run);  // six hexadecimal digits
std::string RenderBanner(const Config& config, uint32_t run);

}  // namespace topgun::loadgen
