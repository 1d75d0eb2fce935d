#include "control/endpoints.h"

#include <unistd.h>

#include <boost/json.hpp>
#include <chrono>
#include <utility>

#include "base/build_info.h"

namespace topgun::control {
namespace {

namespace json = boost::json;

admin::Response JsonResponse(int status, const json::value& body) {
  return {
      .status = status, .body = json::serialize(body) + "\n", .content_type = "application/json"};
}

json::array ListOf(const std::vector<std::string>& texts) {
  json::array list;
  for (const std::string& text : texts) list.emplace_back(text);
  return list;
}

json::array ListOf(const std::vector<config::Difference>& differences) {
  json::array list;
  for (const config::Difference& difference : differences) {
    list.push_back(
        {{"setting", difference.name}, {"before", difference.before}, {"after", difference.after}});
  }
  return list;
}

admin::Response AnswerReload(const Reloader::Report& report) {
  const std::string_view outcome = !report.ok()             ? "refused"
                                   : report.applied.empty() ? "unchanged"
                                                            : "applied";
  return JsonResponse(report.ok() ? 200 : 400,
                      {{"outcome", json::string_view(outcome.data(), outcome.size())},
                       {"applied", ListOf(report.applied)},
                       {"restart_needed", ListOf(report.pending)},
                       {"errors", ListOf(report.errors)}});
}

json::object Describe(const Identity& identity, const Reloader& reloader,
                      std::chrono::steady_clock::time_point started) {
  json::object settings;
  for (const std::string& name : identity.shown_settings) settings[name] = reloader.Shown(name);
  const std::chrono::duration<double> uptime = std::chrono::steady_clock::now() - started;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {{"program", identity.program},
          {"name", identity.name},
          {"version", std::string(Version())},
          {"revision", std::string(Revision())},
          {"pid", getpid()},
          {"uptime_seconds", uptime.count()},
          {"now_ms", std::chrono::duration_cast<std::chrono::milliseconds>(now).count()},
          {"settings", std::move(settings)},
          {"restart_pending", ListOf(reloader.Pending())}};
}

}  // namespace

void MountControl(admin::AdminServer& server, Identity identity, Reloader& reloader) {
  server.Handle(
      "/statusz",
      [identity = std::move(identity), &reloader, started = std::chrono::steady_clock::now()](
          const admin::Request& request) -> admin::Response {
        if (request.method != "GET" && request.method != "HEAD") {
          return {.status = 405, .body = "method not allowed\n"};
        }
        return JsonResponse(200, Describe(identity, reloader, started));
      });
  server.HandleCommand("/reload", [&reloader](const admin::Request&) {
    return AnswerReload(reloader.Reload("POST /reload"));
  });
}

}  // namespace topgun::control
