// topgunctl config check: the service's own check of its settings.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "verbs/verbs.h"

namespace topgun::ctl {
namespace {

// Beside this program, as it is installed; else wherever the shell would find it.
std::string PathOf(const std::string& program) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return program;
  const auto beside = self.parent_path() / program;
  return std::filesystem::exists(beside, error) ? beside.string() : program;
}

}  // namespace

int RunConfigCheck(const std::string& service, const std::vector<std::string>& arguments) {
  const std::string program = PathOf("topgun-" + service);
  std::vector<std::string> words = {program, "--check-config"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  execvp(program.c_str(), argv.data());
  return Fail(Unavailable("cannot run " + program + ": " + std::strerror(errno)));
}

}  // namespace topgun::ctl
