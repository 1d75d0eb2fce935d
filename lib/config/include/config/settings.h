// The settings of one binary as a table: name, target, help, limits. Flags win over environment
// variables, which win over the defaults the targets hold when they are added.
//
//   config::Settings settings("topgun-sync", "Merges map changes over Redis.");
//   settings.Add("listen", &options.listen, "Address of the gRPC server", {.group = "Network"});
//   settings.Add("io-threads", &options.io_threads, "Event loops", {.min = 1, .max = 64});
//   settings.AddSecret("jwt-secret", &options.jwt_secret, "HS256 key", {.env = "JWT_SECRET"});
//   if (const auto parsed = settings.Parse(argc, argv); !parsed.proceed) return parsed.exit_code;
//
// The setting "io-threads" is the flag --io-threads and the variable TOPGUN_IO_THREADS. Unknown
// flags are errors. Unknown variables are not: several services share one environment.
//
// Owned by main, used on its thread before any other starts. Targets must outlive Parse().
// Adding the same name twice is a programming error and ends the process.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"

namespace topgun::config {

struct Options {
  std::string group = {};                 // heading in --help and in the documentation
  std::string env = {};                   // name of the variable, when not <prefix><NAME>
  std::optional<int64_t> min = {};        // numbers, milliseconds, bytes; length of text and lists
  std::optional<int64_t> max = {};        // inclusive, as min
  std::vector<std::string> allowed = {};  // closed set of texts
  bool required = false;                  // an empty result is an error
};

struct ParseResult {
  bool proceed = false;    // false: print nothing more, return exit_code from main
  int exit_code = 0;       // 0 after --help and the like, 2 after a bad setting
  std::string shown = {};  // what --print-config would print, when main is to proceed
};

class Settings {
 public:
  using Options = config::Options;

  Settings(std::string program, std::string description, std::string env_prefix = "TOPGUN_");
  ~Settings();
  Settings(const Settings&) = delete;
  Settings& operator=(const Settings&) = delete;

  void Add(std::string name, std::string* target, std::string help, Options options = {});
  void Add(std::string name, int* target, std::string help, Options options = {});
  void Add(std::string name, int64_t* target, std::string help, Options options = {});
  void Add(std::string name, uint16_t* target, std::string help, Options options = {});
  void Add(std::string name, uint32_t* target, std::string help, Options options = {});
  void Add(std::string name, uint64_t* target, std::string help, Options options = {});
  void Add(std::string name, double* target, std::string help, Options options = {});
  // --name or --name=true|false.
  void Add(std::string name, bool* target, std::string help, Options options = {});
  // Comma separated; min and max bound the number of entries, `allowed` each entry.
  void Add(std::string name, std::vector<std::string>* target, std::string help,
           Options options = {});
  // 250ms, 30s, 5m, 2h, 7d; min and max are in milliseconds.
  void Add(std::string name, std::chrono::milliseconds* target, std::string help,
           Options options = {});
  // 16MiB, 64KiB, 2GiB or a plain number of bytes.
  void AddBytes(std::string name, uint64_t* target, std::string help, Options options = {});
  // A value no flag may carry and no output shows: from the variable, or from the file named by
  // --<name>-file or <VARIABLE>_FILE (one trailing newline is dropped). min and max bound its
  // length in bytes.
  void AddSecret(std::string name, std::string* target, std::string help, Options options = {});
  // The same for a secret that is read anew whenever it is used (base/secret_file.h): `file` is set
  // to the path it came from, and stays as it is when it came from the variable.
  void AddSecret(std::string name, std::string* target, std::string* file, std::string help,
                 Options options = {});

  // A flag without variable and outside the documentation that asks main to do one thing and stop,
  // such as --print-metrics-doc.
  void AddCommand(std::string name, bool* target, std::string help);
  // A rule over several settings, checked after all of them are set. The message of the returned
  // status is printed.
  void AddCheck(std::function<Status()> rule);

  // Sets the targets. Handles --help, --version, --check-config, --print-config (secrets masked)
  // and --print-config-doc (markdown, defaults and not the current values).
  ParseResult Parse(int argc, const char* const* argv);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace topgun::config
