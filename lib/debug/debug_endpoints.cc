#include "debug/debug_endpoints.h"

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "debug/process_info.h"
#include "job_thread.h"
#include "logging/logging.h"
#include "profiling/cpu_sampler.h"
#include "profiling/heap.h"
#include "profiling/pprof.h"
#include "profiling/symbolizer.h"
#include "request.h"
#include "stack_report.h"
#include "status_report.h"

namespace topgun::debug {
namespace {

using admin::Request;
using admin::Respond;
using admin::Response;

constexpr std::string_view kComponent = "debug";
constexpr int kSecondsMax = 60;
constexpr int kSecondsDefault = 30;  // what readers expect
// Threads that begin during a profile are found this late.
constexpr std::chrono::milliseconds kFollowInterval{100};

constexpr std::string_view kOff =
    "the debug endpoints are off; start the process with --debug-endpoints "
    "(TOPGUN_DEBUG_ENDPOINTS=true) to turn them on\n";
constexpr std::string_view kBusy =
    "another profile or report is being made; one takes at most a minute, then try again\n";
constexpr std::string_view kIndex =
    "/debug/pprof/profile?seconds=N  CPU time by stack, sampled for N seconds (1 to 60; 30)\n"
    "/debug/pprof/heap               what is on the heap, by the stack that allocated it\n"
    "/debug/pprof/threads            threads and the CPU time they have used\n"
    "/debug/pprof/stacks             where every thread is right now\n"
    "/debug/pprof/cmdline            the command line\n"
    "/debug/status                   settings and live state as JSON\n"
    "/debug/hops                     where sampled writes wait (./topgun profile bubble)\n"
    "/debug/log-level                the log level; PUT debug, info, warning or error changes it\n"
    "\n"
    "Profiles are gzip'ed pprof protobuf: go tool pprof http://HOST:PORT/debug/pprof/profile\n";

Response ProfileResponse(const profiling::Profile& profile) {
  profiling::Symbolizer symbolizer;
  return {.body = profiling::Gzip(profiling::EncodePprof(profile, symbolizer)),
          .content_type = "application/octet-stream"};
}

Response TakeCpuProfile(int seconds, JobThread::Waiter& waiter) {
  auto sampler = profiling::CpuSampler::Start();
  if (!sampler.ok()) return ErrorResponse(sampler.status());
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (std::chrono::steady_clock::now() < end && waiter.Wait(kFollowInterval)) {
    (*sampler)->FollowThreads();
  }
  const profiling::Profile profile = (*sampler)->Stop();
  if ((*sampler)->dropped() > 0) {
    logging::Warning(kComponent, "a profile was cut short", {{"dropped", (*sampler)->dropped()}});
  }
  return ProfileResponse(profile);
}

Response TakeHeapProfile() {
  const auto profile = profiling::HeapProfile();
  return profile.ok() ? ProfileResponse(*profile) : ErrorResponse(profile.status());
}

// GET shows the level; PUT or POST takes its name as body.
Response LogLevel(const Request& request) {
  if (request.method == "PUT" || request.method == "POST") {
    std::string_view name = request.body;
    while (name.ends_with('\n')) name.remove_suffix(1);
    const auto level = logging::ParseLevel(name);
    if (!level.ok()) return ErrorResponse(level.status());
    logging::SetLevel(*level);
    logging::Info(kComponent, "log level changed", {{"level", name}});
  } else if (request.method != "GET") {
    return {.status = 405, .body = "GET shows the level, PUT changes it\n"};
  }
  return {.body = std::string(logging::Name(logging::CurrentLevel())) + "\n"};
}

}  // namespace

struct DebugEndpoints::Impl {
  explicit Impl(DebugOptions wanted) : options(std::move(wanted)) {}

  const DebugOptions options;
  StatusReport report{options};
  // Status must not wait for a profile. After what they use: they end first.
  JobThread profiler{"profiler"};
  JobThread reporter{"reporter"};

  using Answer = std::function<Response(const Request&)>;
  using Job = std::function<Response(JobThread::Waiter&)>;
  void Add(admin::AdminServer& server, std::string path, Answer answer) const;
  // `make` looks at the request and returns what takes long.
  void AddJob(admin::AdminServer& server, std::string path, JobThread& thread,
              std::function<StatusOr<Job>(const Request&)> make);
};

// Switched off, a path still says why there is nothing.
void DebugEndpoints::Impl::Add(admin::AdminServer& server, std::string path, Answer answer) const {
  if (!options.enabled) {
    answer = [](const Request&) { return Response{.status = 404, .body = std::string(kOff)}; };
  }
  server.Handle(std::move(path), std::move(answer));
}

void DebugEndpoints::Impl::AddJob(admin::AdminServer& server, std::string path, JobThread& thread,
                                  std::function<StatusOr<Job>(const Request&)> make) {
  if (!options.enabled) return Add(server, std::move(path), {});
  server.HandleLater(std::move(path), [&thread, make = std::move(make)](const Request& request,
                                                                        const Respond& respond) {
    StatusOr<Job> job = make(request);
    if (!job.ok()) return respond(ErrorResponse(job.status()));
    const bool started =
        thread.TryStart([job = *std::move(job), respond](JobThread::Waiter& waiter) {
          return [respond, response = job(waiter)]() mutable { respond(std::move(response)); };
        });
    if (!started) respond({.status = 409, .body = std::string(kBusy)});
  });
}

DebugEndpoints::DebugEndpoints(DebugOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {
  if (!impl_->options.enabled) return;
  // Where it is not possible, /debug/pprof/heap says so.
  if (const Status sampling = profiling::StartHeapSampling(); !sampling.ok()) {
    logging::Debug(kComponent, "no heap profiles", {{"reason", Message(sampling)}});
  }
}

DebugEndpoints::~DebugEndpoints() = default;

void DebugEndpoints::AddSection(std::string name, SectionReader read) {
  impl_->report.Add(std::move(name), std::move(read));
}

void DebugEndpoints::Mount(admin::AdminServer& server) {
  for (const char* const path : {"/debug", "/debug/", "/debug/pprof", "/debug/pprof/"}) {
    impl_->Add(server, path, [](const Request&) { return Response{.body = std::string(kIndex)}; });
  }
  impl_->Add(server, "/debug/pprof/cmdline",
             [](const Request&) { return Response{.body = CommandLine()}; });
  impl_->Add(server, "/debug/pprof/threads",
             [](const Request&) { return Response{.body = ThreadTable()}; });
  impl_->Add(server, "/debug/log-level", &LogLevel);
  impl_->AddJob(
      server, "/debug/pprof/profile", impl_->profiler,
      [](const Request& request) -> StatusOr<Impl::Job> {
        ASSIGN_OR_RETURN(const int seconds, SecondsOf(request.query, kSecondsMax, kSecondsDefault));
        return Impl::Job(
            [seconds](JobThread::Waiter& waiter) { return TakeCpuProfile(seconds, waiter); });
      });
  impl_->AddJob(server, "/debug/pprof/heap", impl_->profiler,
                [](const Request&) -> StatusOr<Impl::Job> {
                  return Impl::Job([](JobThread::Waiter&) { return TakeHeapProfile(); });
                });
  impl_->AddJob(server, "/debug/pprof/stacks", impl_->profiler,
                [](const Request&) -> StatusOr<Impl::Job> {
                  return Impl::Job([](JobThread::Waiter&) {
                    const StatusOr<std::string> report = StackReport();
                    return report.ok() ? Response{.body = *report} : ErrorResponse(report.status());
                  });
                });
  impl_->AddJob(server, "/debug/status", impl_->reporter,
                [report = &impl_->report](const Request&) -> StatusOr<Impl::Job> {
                  return Impl::Job([report](JobThread::Waiter&) {
                    return Response{.body = report->Collect(), .content_type = "application/json"};
                  });
                });
}

void DebugEndpoints::Handle(admin::AdminServer& server, std::string path,
                            std::function<Response(const Request&)> answer) {
  impl_->Add(server, std::move(path), std::move(answer));
}

}  // namespace topgun::debug
