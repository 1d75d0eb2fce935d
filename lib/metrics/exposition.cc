#include "metrics/exposition.h"

#include <algorithm>
#include <cstdlib>

namespace topgun::metrics {
namespace {

std::string_view SkipSpaces(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  return text;
}

// A quoted label value at the front of `text`, which moves behind it.
std::optional<std::string> TakeQuoted(std::string_view& text) {
  if (!text.starts_with('"')) return std::nullopt;
  std::string value;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return value;
    }
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      value += text[i] == 'n' ? '\n' : text[i];
    } else {
      value += text[i];
    }
  }
  return std::nullopt;
}

// "{a="1",b="2"}" at the front of `text`, which moves behind it.
bool TakeLabels(std::string_view& text, std::map<std::string, std::string>* labels) {
  if (!text.starts_with('{')) return true;
  text.remove_prefix(1);
  while (true) {
    text = SkipSpaces(text);
    if (text.starts_with('}')) {
      text.remove_prefix(1);
      return true;
    }
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) return false;
    std::string name(text.substr(0, equals));
    while (name.ends_with(' ')) name.pop_back();
    text = SkipSpaces(text.substr(equals + 1));
    auto value = TakeQuoted(text);
    if (!value) return false;
    (*labels)[std::move(name)] = std::move(*value);
    text = SkipSpaces(text);
    if (text.starts_with(',')) text.remove_prefix(1);
  }
}

std::optional<Sample> ParseSample(std::string_view line) {
  line = SkipSpaces(line);
  if (line.empty() || line.starts_with('#')) return std::nullopt;
  Sample sample;
  const size_t name_end = line.find_first_of("{ \t");
  if (name_end == 0 || name_end == std::string_view::npos) return std::nullopt;
  sample.name = line.substr(0, name_end);
  line = SkipSpaces(line.substr(name_end));
  if (!TakeLabels(line, &sample.labels)) return std::nullopt;
  line = SkipSpaces(line);
  // strtod() knows NaN and Inf in the format's spelling, from_chars() does not know "+Inf".
  const std::string number(line.substr(0, line.find_first_of(" \t\r")));
  char* end = nullptr;
  sample.value = std::strtod(number.c_str(), &end);
  if (number.empty() || *end != '\0') return std::nullopt;
  return sample;
}

}  // namespace

Samples ParsePrometheusText(std::string_view text) {
  std::vector<Sample> samples;
  while (!text.empty()) {
    const size_t line_end = std::min(text.find('\n'), text.size());
    if (auto sample = ParseSample(text.substr(0, line_end))) samples.push_back(std::move(*sample));
    text.remove_prefix(std::min(line_end + 1, text.size()));
  }
  return Samples(std::move(samples));
}

std::optional<double> Samples::Sum(std::string_view name) const {
  std::optional<double> sum;
  for (const Sample& sample : samples_) {
    if (sample.name == name) sum = sum.value_or(0) + sample.value;
  }
  return sum;
}

std::optional<double> Samples::Max(std::string_view name) const {
  std::optional<double> max;
  for (const Sample& sample : samples_) {
    if (sample.name == name) max = std::max(max.value_or(sample.value), sample.value);
  }
  return max;
}

std::optional<double> Samples::Min(std::string_view name) const {
  std::optional<double> min;
  for (const Sample& sample : samples_) {
    if (sample.name == name) min = std::min(min.value_or(sample.value), sample.value);
  }
  return min;
}

std::optional<std::string> Samples::Label(std::string_view name, const std::string& label) const {
  for (const Sample& sample : samples_) {
    if (sample.name != name) continue;
    const auto found = sample.labels.find(label);
    if (found != sample.labels.end()) return found->second;
  }
  return std::nullopt;
}

}  // namespace topgun::metrics
