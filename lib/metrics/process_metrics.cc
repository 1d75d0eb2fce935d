#include "process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>

#include "base/build_info.h"

namespace topgun::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// The fields of /proc/self/stat that are used here (proc(5) numbers them from 1).
struct ProcessStat {
  double cpu_seconds = 0;         // 14 utime + 15 stime
  double start_after_boot_s = 0;  // 22 starttime
  double resident_bytes = 0;      // 24 rss
};

std::optional<ProcessStat> ReadProcessStat() {
  std::ifstream file("/proc/self/stat");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  // Field 2 is the name of the program in parentheses and may itself contain spaces and ')'.
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(name_end + 1));
  std::vector<std::string> values{std::istream_iterator<std::string>(fields), {}};
  constexpr size_t kFirst = 3;  // number of values[0]
  if (values.size() <= 24 - kFirst) return std::nullopt;
  const auto field = [&](size_t number) { return std::stod(values[number - kFirst]); };
  const auto ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  return ProcessStat{
      .cpu_seconds = (field(14) + field(15)) / ticks_per_second,
      .start_after_boot_s = field(22) / ticks_per_second,
      .resident_bytes = field(24) * static_cast<double>(sysconf(_SC_PAGESIZE)),
  };
}

std::optional<double> ReadBootTime() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  }
  return std::nullopt;
}

std::optional<double> CountOpenFiles() {
  std::error_code error;
  std::filesystem::directory_iterator entries("/proc/self/fd", error);
  if (error) return std::nullopt;
  const auto count = std::distance(begin(entries), end(entries));
  return static_cast<double>(count - 1);  // without the one that reads the directory
}

std::optional<double> ReadOpenFilesLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
  return static_cast<double>(limit.rlim_cur);
}

class Families {
 public:
  void Add(MetricType type, std::string name, std::string help, std::optional<double> value,
           std::vector<ClientMetric::Label> labels = {}) {
    if (!value) return;
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.counter.value = *value;  // the serializer reads the member of the type
    metric.gauge.value = *value;
    all_.push_back({std::move(name), std::move(help), type, {std::move(metric)}});
  }
  std::vector<MetricFamily> Take() { return std::move(all_); }

 private:
  std::vector<MetricFamily> all_;
};

}  // namespace

std::vector<MetricFamily> CollectProcess(const std::string& service) {
  Families families;
  const auto gauge = MetricType::Gauge;
  if (const auto stat = ReadProcessStat()) {
    families.Add(MetricType::Counter, "process_cpu_seconds_total",
                 "User and system CPU time spent.", stat->cpu_seconds);
    families.Add(gauge, "process_resident_memory_bytes", "Resident memory.", stat->resident_bytes);
    if (const auto boot_time = ReadBootTime()) {
      families.Add(gauge, "process_start_time_seconds",
                   "Start of the process, in seconds since the Unix epoch.",
                   *boot_time + stat->start_after_boot_s);
    }
  }
  families.Add(gauge, "process_open_fds", "Open file descriptors.", CountOpenFiles());
  families.Add(gauge, "process_max_fds", "Limit of open file descriptors.", ReadOpenFilesLimit());
  families.Add(gauge, "topgun_build_info", "Always 1; the labels tell what is running.", 1,
               {{"revision", std::string(Revision())},
                {"service", service},
                {"version", std::string(Version())}});
  return families.Take();
}

}  // namespace topgun::metrics
