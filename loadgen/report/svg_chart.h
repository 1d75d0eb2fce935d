// Charts as inline SVG, for the HTML report. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace topgun::loadgen {

struct ChartLine {
  std::string name;
  std::string colour;                             // CSS
  std::vector<std::pair<double, double>> points;  // ascending x; more than 1000 are thinned out
};

struct Chart {
  std::string title;
  std::string x_unit;
  std::string y_unit;
  std::vector<ChartLine> lines;
  // Ticks of the x axis with their labels; empty: round numbers.
  std::vector<std::pair<double, std::string>> x_ticks;
};

std::string RenderSvg(const Chart& chart);

}  // namespace topgun::loadgen
