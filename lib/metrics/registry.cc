#include "metrics/registry.h"

#include <prometheus/check_names.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <utility>

#include "process_metrics.h"

namespace topgun::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;

// A wrong declaration is a mistake in the program, found the first time it starts.
void Require(bool condition, const std::string& name, std::string_view rule) {
  if (condition) return;
  std::fprintf(stderr, "metric %s: %.*s\n", name.c_str(), static_cast<int>(rule.size()),
               rule.data());
  std::abort();
}

std::set<std::string> Names(const std::map<std::string, std::set<std::string>>& labels) {
  std::set<std::string> names;
  for (const auto& [name, values] : labels) names.insert(name);
  return names;
}

void RequireWellFormed(const Family& family) {
  Require(prometheus::CheckMetricName(family.name), family.name, "not a valid name");
  Require(!family.help.empty(), family.name, "needs a help text");
  Require(family.name.ends_with("_total") == (family.type == Type::kCounter), family.name,
          "counters, and only counters, end in _total");
  for (const auto& [label, values] : family.labels) {
    Require(prometheus::CheckLabelName(label), family.name, "not a valid label name");
  }
}

std::string_view TypeName(Type type) {
  switch (type) {
    case Type::kCounter:
      return "counter";
    case Type::kGauge:
      return "gauge";
    case Type::kHistogram:
      return "histogram";
  }
  return {};
}

Family MakeFamily(const std::string& name, Type type, const std::string& help,
                  const Labels& labels) {
  Family family{.name = name, .type = type, .help = help, .labels = {}};
  for (const auto& [label, value] : labels) family.labels[label].insert(value);
  return family;
}

Family Describe(const MetricFamily& collected) {
  Family family;
  family.name = collected.name;
  family.help = collected.help;
  family.type = collected.type == prometheus::MetricType::Counter ? Type::kCounter : Type::kGauge;
  for (const ClientMetric& metric : collected.metric) {
    for (const ClientMetric::Label& label : metric.label) family.labels[label.name];
  }
  return family;
}

Buckets Geometric(double first, double last, double factor) {
  Buckets bounds;
  for (double bound = first; bound <= last; bound *= factor) bounds.push_back(bound);
  return bounds;
}

}  // namespace

const Buckets kLatencySeconds = {50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3,
                                 50e-3, 0.1,    0.25,   0.5,    1,    2.5,    5,    10,    30};
const Buckets kBatchSizes = Geometric(1, 16384, 2);
const Buckets kBytes = Geometric(64, 64 << 20, 4);

struct Registry::Impl {
  explicit Impl(std::string name) : service(std::move(name)) {}

  const std::string service;
  prometheus::Registry registry;  // has its own lock
  mutable std::mutex mutex;
  std::map<std::string, Family> families;  // guarded by mutex

  void Declare(Family family);
};

// Merges the label values of a family that is known already.
void Registry::Impl::Declare(Family family) {
  RequireWellFormed(family);
  const std::lock_guard lock(mutex);
  const auto [position, added] = families.try_emplace(family.name, family);
  if (added) return;
  Family& known = position->second;
  Require(known.type == family.type, family.name, "declared with another type");
  Require(known.help == family.help, family.name, "declared with another help text");
  Require(Names(known.labels) == Names(family.labels), family.name,
          "declared with other label names");
  for (const auto& [label, values] : family.labels) {
    known.labels[label].insert(values.begin(), values.end());
  }
}

Registry::Registry(std::string service) : impl_(std::make_unique<Impl>(std::move(service))) {}
Registry::~Registry() = default;

prometheus::Counter& Registry::AddCounter(std::string name, std::string help, Labels labels) {
  impl_->Declare(MakeFamily(name, Type::kCounter, help, labels));
  return prometheus::BuildCounter().Name(name).Help(help).Register(impl_->registry).Add(labels);
}

prometheus::Gauge& Registry::AddGauge(std::string name, std::string help, Labels labels) {
  impl_->Declare(MakeFamily(name, Type::kGauge, help, labels));
  return prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry).Add(labels);
}

prometheus::Histogram& Registry::AddHistogram(std::string name, std::string help, Buckets buckets,
                                              Labels labels) {
  Require(std::is_sorted(buckets.begin(), buckets.end()), name, "buckets must ascend");
  impl_->Declare(MakeFamily(name, Type::kHistogram, help, labels));
  return prometheus::BuildHistogram()
      .Name(name)
      .Help(help)
      .Register(impl_->registry)
      .Add(labels, buckets);
}

void Registry::Declare(Family family) { impl_->Declare(std::move(family)); }

std::string Registry::Render() const {
  std::vector<MetricFamily> families = impl_->registry.Collect();
  std::vector<MetricFamily> process = CollectProcess(impl_->service);
  std::move(process.begin(), process.end(), std::back_inserter(families));
  // prometheus-cpp keeps series in a hash map; sorted output is easier to read and to compare.
  std::sort(families.begin(), families.end(),
            [](const MetricFamily& a, const MetricFamily& b) { return a.name < b.name; });
  for (MetricFamily& family : families) {
    std::sort(family.metric.begin(), family.metric.end(),
              [](const ClientMetric& a, const ClientMetric& b) { return a.label < b.label; });
  }
  return prometheus::TextSerializer().Serialize(families);
}

std::vector<Family> Registry::Families() const {
  std::vector<Family> all;
  for (const MetricFamily& family : CollectProcess(impl_->service)) all.push_back(Describe(family));
  {
    const std::lock_guard lock(impl_->mutex);
    for (const auto& [name, family] : impl_->families) all.push_back(family);
  }
  std::sort(all.begin(), all.end(),
            [](const Family& a, const Family& b) { return a.name < b.name; });
  return all;
}

std::string RenderDoc(const Registry& registry) {
  constexpr size_t kValuesShown = 12;  // longer lists are those of method names
  std::string out = "| Name | Type | Labels | Meaning |\n|---|---|---|---|\n";
  for (const Family& family : registry.Families()) {
    std::string labels;
    for (const auto& [label, values] : family.labels) {
      labels.append(labels.empty() ? "`" : "; `").append(label).append("`");
      if (values.empty() || values.size() > kValuesShown) continue;
      std::string_view separator = ": ";
      for (const std::string& value : values) {
        labels.append(std::exchange(separator, ", ")).append(value);
      }
    }
    out.append("| `").append(family.name).append("` | ").append(TypeName(family.type));
    out.append(" | ").append(labels).append(" | ").append(family.help).append(" |\n");
  }
  return out;
}

}  // namespace topgun::metrics
