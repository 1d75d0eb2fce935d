// topgunctl reload: processes read their settings again.
#include <boost/json.hpp>
#include <cstdio>
#include <utility>

#include "verbs/verbs.h"

namespace topgun::ctl {
namespace {

namespace json = boost::json;

StatusOr<std::vector<Target>> Chosen(const Session& session,
                                     const std::vector<std::string>& names) {
  ASSIGN_OR_RETURN(std::vector<Target> all, session.admin_targets());
  if (names.empty()) return all;
  std::vector<Target> chosen;
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(Target target, FindTarget(all, name));
    chosen.push_back(std::move(target));
  }
  return chosen;
}

std::string Text(const json::value& value) { return json::value_to<std::string>(value); }

void PrintText(const std::string& name, const json::object& answer) {
  std::printf("%s: %s\n", name.c_str(), Text(answer.at("outcome")).c_str());
  for (const json::value& change : answer.at("applied").as_array()) {
    std::printf("  %s: %s -> %s\n", Text(change.at("setting")).c_str(),
                Text(change.at("before")).c_str(), Text(change.at("after")).c_str());
  }
  for (const json::value& change : answer.at("restart_needed").as_array()) {
    std::printf("  %s: %s -> %s, waits for a restart\n", Text(change.at("setting")).c_str(),
                Text(change.at("before")).c_str(), Text(change.at("after")).c_str());
  }
  for (const json::value& error : answer.at("errors").as_array()) {
    std::printf("  %s\n", Text(error).c_str());
  }
}

// The answer is worth printing when the reload was refused, too.
StatusOr<json::object> Reload(const Session& session, const Target& target) {
  const std::string url = target.url + "/reload";
  ASSIGN_OR_RETURN(const HttpReply reply, session.http().Send({.method = "POST", .url = url}));
  json::error_code error;
  json::value value = json::parse(reply.body, error);
  if (error || !value.is_object()) {
    return PermissionDenied(url + " answers " + std::to_string(reply.status) + ": " + reply.body);
  }
  return std::move(value.get_object());
}

}  // namespace

int RunReload(const Session& session, const std::vector<std::string>& names) {
  const auto targets = Chosen(session, names);
  if (!targets.ok()) return Fail(targets.status());
  int exit_code = kYes;
  json::object all;
  for (const Target& target : *targets) {
    auto answer = Reload(session, target);
    if (!answer.ok()) {
      exit_code = Fail(answer.status());
      continue;
    }
    if (exit_code == kYes && answer->at("outcome").as_string() == "refused") exit_code = kNo;
    if (!session.json()) PrintText(target.name, *answer);
    all[target.name] = *std::move(answer);
  }
  if (session.json()) PrintJson(all);
  return exit_code;
}

}  // namespace topgun::ctl
