// topgunctl drain: takes a process out of service, or puts it back.
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <thread>

#include "verbs/verbs.h"

namespace topgun::ctl {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kPoll{500};

std::string StateOf(const json::value& answer) {
  return json::value_to<std::string>(answer.at("state"));
}

void Print(const Session& session, const std::string& name, const json::value& answer) {
  if (session.json()) return PrintJson(answer);
  std::printf("%s is %s, %s %s left\n", name.c_str(), StateOf(answer).c_str(),
              std::to_string(answer.at("left").to_number<int64_t>()).c_str(),
              json::value_to<std::string>(answer.at("unit")).c_str());
}

}  // namespace

int RunDrain(const Session& session, const DrainOptions& options) {
  const auto targets = session.admin_targets();
  if (!targets.ok()) return Fail(targets.status());
  const auto target = FindTarget(*targets, options.target);
  if (!target.ok()) return Fail(target.status());
  auto answer = session.AskAdmin(*target, options.cancel ? "/drain?cancel" : "/drain", "POST");
  while (answer.ok() && options.wait && !options.cancel && StateOf(*answer) == "draining") {
    std::this_thread::sleep_for(kPoll);
    answer = session.AskAdmin(*target, "/drain");
  }
  if (!answer.ok()) return Fail(answer.status());
  Print(session, target->name, *answer);
  // Somebody else may have put it back while we waited.
  return options.wait && !options.cancel && StateOf(*answer) != "drained" ? kNo : kYes;
}

}  // namespace topgun::ctl
