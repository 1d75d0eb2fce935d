#include "supervisor/state_file.h"

#include <cstdio>
#include <fstream>
#include <string_view>

namespace topgun::supervisor {
namespace {

std::string NumberOr(std::string_view absent, int64_t number) {
  return number == 0 ? std::string(absent) : std::to_string(number);
}

}  // namespace

Status ReplaceFile(const std::string& path, const std::string& content) {
  const std::string temporary = path + ".new";
  std::ofstream file(temporary, std::ios::trunc);
  file << content;
  file.close();
  if (!file || std::rename(temporary.c_str(), path.c_str()) != 0) {
    return Unavailable("cannot write " + path);
  }
  return OkStatus();
}

std::string FormatJson(const std::vector<ProcessState>& states) {
  std::string out = "[";
  for (const ProcessState& state : states) {
    out += out.size() == 1 ? "\n" : ",\n";
    out += R"({"role":")" + state.role + R"(","name":")" + state.name;
    out += R"(","pid":)" + NumberOr("null", state.pid);
    out += R"(,"ports":{"ws":)" + NumberOr("null", state.ws_port);
    out += R"(,"grpc":)" + NumberOr("null", state.grpc_port);
    out += R"(,"admin":)" + NumberOr("null", state.admin_port);
    out += R"(},"up":)" + std::string(state.up ? "true" : "false") + "}";
  }
  return out + "\n]\n";
}

std::string FormatTsv(const std::vector<ProcessState>& states) {
  std::string out;
  for (const ProcessState& state : states) {
    out += state.role + "\t" + state.name + "\t" + NumberOr("-", state.pid) + "\t" +
           NumberOr("-", state.ws_port) + "\t" + NumberOr("-", state.grpc_port) + "\t" +
           NumberOr("-", state.admin_port) + "\t" + (state.up ? "true" : "false") + "\n";
  }
  return out;
}

Status WriteState(const std::string& run_dir, const std::vector<ProcessState>& states) {
  for (const ProcessState& state : states) {
    const std::string path = run_dir + "/" + state.name + ".pid";
    if (state.pid == 0) {
      std::remove(path.c_str());
    } else {
      RETURN_IF_ERROR(ReplaceFile(path, std::to_string(state.pid) + "\n"));
    }
  }
  RETURN_IF_ERROR(ReplaceFile(run_dir + "/state.tsv", FormatTsv(states)));
  return ReplaceFile(run_dir + "/state.json", FormatJson(states));
}

}  // namespace topgun::supervisor
