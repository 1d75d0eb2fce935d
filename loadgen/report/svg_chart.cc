#include "report/svg_chart.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "report/junit_report.h"
#include "report/text.h"

namespace topgun::loadgen {
namespace {

constexpr double kWidth = 860;
constexpr double kHeight = 240;
constexpr double kLeft = 70;
constexpr double kRight = 15;
constexpr double kTop = 14;
constexpr double kBottom = 30;
constexpr size_t kPointsMax = 1'000;

struct Range {
  double min = 0;
  double max = 1;
};

// 1, 2 or 5 times a power of ten, so that about `count` of them cover the range.
double RoundStep(double range, int count) {
  const double rough = range / count;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough) return factor * power;
  }
  return 10 * power;
}

std::string Short(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.4g", value);
  if (std::abs(value) < 1e4) return text;
  const bool millions = std::abs(value) >= 1e6;
  std::snprintf(text, sizeof text, "%.4g%s", value / (millions ? 1e6 : 1e3), millions ? "M" : "k");
  return text;
}

class Drawing {
 public:
  explicit Drawing(const Chart& chart) : chart_(chart) {
    bool first = true;
    double top = 0;
    for (const ChartLine& line : chart.lines) {
      for (const auto& [x, y] : line.points) {
        x_.min = first ? x : std::min(x_.min, x);
        x_.max = first ? x : std::max(x_.max, x);
        top = std::max(top, y);
        first = false;
      }
    }
    if (x_.max <= x_.min) x_.max = x_.min + 1;
    y_.max = top > 0 ? top * 1.05 : 1;
  }

  std::string Render() {
    svg_ = "<svg viewBox=\"0 0 " + Fixed(kWidth, 0) + " " + Fixed(kHeight, 0) +
           "\" role=\"img\" aria-label=\"" + EscapeMarkup(chart_.title) + "\">\n";
    DrawYAxis();
    DrawXAxis();
    for (const ChartLine& line : chart_.lines) DrawLine(line);
    return svg_ + "</svg>\n";
  }

 private:
  double X(double x) const {
    return kLeft + (x - x_.min) / (x_.max - x_.min) * (kWidth - kLeft - kRight);
  }
  double Y(double y) const { return kHeight - kBottom - y / y_.max * (kHeight - kTop - kBottom); }

  void Label(double x, double y, const char* anchor, const std::string& text) {
    svg_ += "<text x=\"" + Fixed(x, 1) + "\" y=\"" + Fixed(y, 1) + "\" text-anchor=\"" + anchor +
            "\">" + EscapeMarkup(text) + "</text>\n";
  }

  void Grid(double x1, double y1, double x2, double y2) {
    svg_ += "<line class=\"grid\" x1=\"" + Fixed(x1, 1) + "\" y1=\"" + Fixed(y1, 1) + "\" x2=\"" +
            Fixed(x2, 1) + "\" y2=\"" + Fixed(y2, 1) + "\"/>\n";
  }

  void DrawYAxis() {
    const double step = RoundStep(y_.max, 5);
    for (int i = 0; i * step <= y_.max; ++i) {
      Grid(kLeft, Y(i * step), kWidth - kRight, Y(i * step));
      Label(kLeft - 6, Y(i * step) + 4, "end", Short(i * step));
    }
    Label(kLeft - 6, kTop - 3, "end", chart_.y_unit);
  }

  void DrawXAxis() {
    auto ticks = chart_.x_ticks;
    if (ticks.empty()) {
      const double step = RoundStep(x_.max - x_.min, 8);
      for (double x = std::ceil(x_.min / step) * step; x <= x_.max; x += step) {
        ticks.emplace_back(x, Short(x));
      }
    }
    for (const auto& [x, label] : ticks) {
      if (x < x_.min || x > x_.max) continue;
      Grid(X(x), kTop, X(x), kHeight - kBottom);
      Label(X(x), kHeight - kBottom + 16, "middle", label);
    }
    Label(kWidth - kRight, kHeight - 2, "end", chart_.x_unit);
  }

  void DrawLine(const ChartLine& line) {
    if (line.points.empty()) return;
    const size_t stride = (line.points.size() + kPointsMax - 1) / kPointsMax;
    std::string points;
    for (size_t i = 0; i < line.points.size(); i += stride) {
      // Of the points that one stands for the highest counts: peaks must stay.
      double y = 0;
      for (size_t j = i; j < std::min(i + stride, line.points.size()); ++j) {
        y = std::max(y, line.points[j].second);
      }
      points += Fixed(X(line.points[i].first), 1) + "," + Fixed(Y(y), 1) + " ";
    }
    svg_ += "<polyline stroke=\"" + line.colour + "\" points=\"" + points + "\"/>\n";
  }

  const Chart& chart_;
  Range x_;
  Range y_;
  std::string svg_;
};

}  // namespace

std::string RenderSvg(const Chart& chart) {
  std::string legend;
  for (const ChartLine& line : chart.lines) {
    if (line.points.empty()) continue;
    legend +=
        " <span style=\"color:" + line.colour + "\">&#9632;</span> " + EscapeMarkup(line.name);
  }
  return "<figure><figcaption>" + EscapeMarkup(chart.title) + legend + "</figcaption>\n" +
         Drawing(chart).Render() + "</figure>\n";
}

}  // namespace topgun::loadgen
