#include "tls/reloader.h"

#include <ctime>
#include <optional>
#include <utility>

#include "base/thread_name.h"
#include "logging/logging.h"

namespace topgun::tls {
namespace {

constexpr const char* kCertificateExpiry = "tls_certificate_expiry_timestamp_seconds";
constexpr const char* kCertificateHelp =
    "When the TLS certificate in use expires (the first of its chain), as Unix time, by what it is "
    "used for.";
constexpr const char* kCaExpiry = "tls_ca_expiry_timestamp_seconds";
constexpr const char* kCaHelp =
    "When the TLS authorities in use expire (the last of the file), as Unix time, by what they are "
    "used for.";
constexpr const char* kReloads = "tls_reloads_total";
constexpr const char* kReloadsHelp =
    "Changes of TLS files, by what they are used for and whether they were taken into use.";

using Now = std::chrono::system_clock;

double UnixTime(Credentials::Time time) {
  return static_cast<double>(
      std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
}

std::string DateOf(Credentials::Time time) {
  const std::time_t seconds = Now::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[sizeof "2026-01-01T00:00:00Z"];
  const size_t size = std::strftime(text, sizeof text, "%FT%TZ", &parts);
  return {text, size};
}

}  // namespace

struct Reloader::Watched {
  Watched(metrics::Registry& registry, std::string use_in, TlsFiles files_in, OnChange on_change_in)
      : use(std::move(use_in)),
        files(std::move(files_in)),
        on_change(std::move(on_change_in)),
        taken(registry.AddCounter(kReloads, kReloadsHelp, {{"use", use}, {"outcome", "ok"}})),
        failed(registry.AddCounter(kReloads, kReloadsHelp, {{"use", use}, {"outcome", "failed"}})) {
    if (!files.certificate.empty()) {
      certificate_end = &registry.AddGauge(kCertificateExpiry, kCertificateHelp, {{"use", use}});
    }
    if (!files.ca.empty()) ca_end = &registry.AddGauge(kCaExpiry, kCaHelp, {{"use", use}});
  }

  // Contents, or why there are none.
  using Seen = std::pair<FileContents, std::string>;

  Status Take(FileContents contents) {
    ASSIGN_OR_RETURN(const Credentials credentials, CheckContents(files, contents, Now::now()));
    RETURN_IF_ERROR(on_change(credentials));
    for (const std::string& warning : credentials.warnings) logging::Warning("tls", warning);
    if (credentials.certificate_expires && certificate_end != nullptr) {
      certificate_end->Set(UnixTime(*credentials.certificate_expires));
    }
    if (credentials.ca_expires && ca_end != nullptr) ca_end->Set(UnixTime(*credentials.ca_expires));
    logging::Info(
        "tls", in_use ? "new credentials are in use" : "credentials loaded",
        {{"use", use},
         {"subject", credentials.subject},
         {"expires", credentials.certificate_expires ? DateOf(*credentials.certificate_expires)
                                                     : std::string("never")}});
    in_use = std::move(contents);
    return OkStatus();
  }

  void Check() {
    Seen seen;
    Status status;
    if (StatusOr<FileContents> read = ReadFiles(files); read.ok()) {
      seen.first = *std::move(read);
    } else {
      status = read.status();
      seen.second = ToString(status);
    }
    if (status.ok() && seen.first == in_use) return suspected.reset();
    const bool again = suspected == seen;
    if (again && reported) return;
    if (status.ok()) status = Take(seen.first);
    if (status.ok()) {
      taken.Increment();
      return suspected.reset();
    }
    if (again) {
      failed.Increment();
      logging::Error("tls", "changed files cannot be used, the old credentials stay",
                     {{"use", use}, {"reason", Message(status)}});
    }
    reported = again;
    suspected = std::move(seen);
  }

  const std::string use;
  const TlsFiles files;
  const OnChange on_change;
  prometheus::Counter& taken;
  prometheus::Counter& failed;
  prometheus::Gauge* certificate_end = nullptr;
  prometheus::Gauge* ca_end = nullptr;
  std::optional<FileContents> in_use;
  std::optional<Seen> suspected;  // broken at the last look
  bool reported = false;          // `suspected` has been complained about
};

Reloader::Reloader(metrics::Registry& registry, std::chrono::milliseconds every)
    : registry_(registry), every_(every) {
  DeclareMetrics(registry);
}

Reloader::~Reloader() = default;

Status Reloader::Watch(const std::string& use, TlsFiles files, OnChange on_change) {
  const std::lock_guard lock(mutex_);
  auto watched = std::make_unique<Watched>(registry_, use, std::move(files), std::move(on_change));
  ASSIGN_OR_RETURN(FileContents contents, ReadFiles(watched->files));
  RETURN_IF_ERROR(watched->Take(std::move(contents)));
  watched_.push_back(std::move(watched));
  if (!thread_.joinable())
    thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
  return OkStatus();
}

void Reloader::CheckNow() {
  const std::lock_guard lock(mutex_);
  for (const auto& each : watched_) each->Check();
}

void Reloader::Run(const std::stop_token& stop) {
  NameThread("tls-reload");
  while (true) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, stop, every_, [] { return false; });
    }
    if (stop.stop_requested()) return;
    CheckNow();
  }
}

void Reloader::DeclareMetrics(metrics::Registry& registry) {
  registry.Declare({.name = kCertificateExpiry,
                    .type = metrics::Type::kGauge,
                    .help = kCertificateHelp,
                    .labels = {{"use", {}}}});
  registry.Declare(
      {.name = kCaExpiry, .type = metrics::Type::kGauge, .help = kCaHelp, .labels = {{"use", {}}}});
  registry.Declare({.name = kReloads,
                    .type = metrics::Type::kCounter,
                    .help = kReloadsHelp,
                    .labels = {{"use", {}}, {"outcome", {"ok", "failed"}}}});
}

namespace {

// One that follows the credentials, made anew by `make` each time.
template <typename Make>
StatusOr<std::shared_ptr<const ContextSource>> Follow(Reloader& reloader, const std::string& use,
                                                      const TlsFiles& files, Make make) {
  auto source = std::make_shared<ContextSource>(nullptr);
  RETURN_IF_ERROR(
      reloader.Watch(use, files, [source, make](const Credentials& credentials) -> Status {
        ASSIGN_OR_RETURN(ContextPtr context, make(credentials));
        source->Replace(std::move(context));
        return OkStatus();
      }));
  return std::shared_ptr<const ContextSource>(std::move(source));
}

}  // namespace

Status WatchExpiry(Reloader& reloader, const std::string& use, const TlsFiles& files) {
  if (files.empty()) return OkStatus();
  return reloader.Watch(use, files, [](const Credentials&) { return OkStatus(); });
}

StatusOr<std::shared_ptr<const ContextSource>> WatchServerContext(Reloader& reloader,
                                                                  const std::string& use,
                                                                  const TlsFiles& files,
                                                                  const ServerRules& rules) {
  return Follow(reloader, use, files, [rules](const Credentials& credentials) {
    return MakeServerContext(credentials, rules);
  });
}

StatusOr<std::shared_ptr<const ContextSource>> WatchClientContext(Reloader& reloader,
                                                                  const std::string& use,
                                                                  const TlsFiles& files,
                                                                  const ClientRules& rules) {
  return Follow(reloader, use, files, [rules](const Credentials& credentials) {
    return MakeClientContext(credentials, rules);
  });
}

}  // namespace topgun::tls
