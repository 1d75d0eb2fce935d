// The settings of one binary as a table: name, target, help, limits. Flags win over environment
// variables, which win over the file behind --config, which wins over the defaults the targets hold
// when they are added.
//
//   config::Settings settings("topgun-sync", "Merges map changes over Redis.");
//   settings.Add("listen", &options.listen, "Address of the gRPC server", {.group = "Network"});
//   settings.Add("io-threads", &options.io_threads, "Event loops", {.min = 1, .max = 64});
//   settings.AddSecret("jwt-secret", &options.jwt_secret, "HS256 key", {.env = "JWT_SECRET"});
//   if (const auto parsed = settings.Parse(argc, argv); !parsed.proceed) return parsed.exit_code;
//
// The setting "io-threads" is the flag --io-threads, the variable TOPGUN_IO_THREADS, and the line
// `io-threads = 4` of the file. Unknown flags and lines are errors that name what was probably
// meant. Unknown variables are not: several services share one environment, and Kubernetes adds to
// it. Those that look misspelt are warned of.
//
// A running process reads its settings again (ParseAgain) into targets of their own, compares
// (Compare) and takes over what is declared live; lib/control does that on SIGHUP.
//
// Owned by its user, one thread. Targets must outlive parsing. A name that is added twice and a
// variable that Kubernetes may set by itself are programming errors and end the process.
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
  bool live = false;                      // a reload changes it in the running process
};

// A setting as it was read.
struct Value {
  std::string name;
  std::string shown;    // as text, secrets masked
  std::string source;   // "default", a flag, a variable, or file and line
  size_t identity = 0;  // of the value behind `shown`: differs when that does
  bool live = false;
};

struct ParseResult {
  bool proceed = false;                  // false: print nothing more, return exit_code from main
  int exit_code = 0;                     // 0 after --help and the like, 2 after a bad setting
  std::string shown = {};                // what --print-config would print, when main is to proceed
  std::vector<std::string> errors = {};  // what is wrong, one setting each
  std::vector<std::string> warnings = {};   // for the log: what probably has no effect
  std::vector<Value> values = {};           // in the order of the table
  std::vector<std::string> arguments = {};  // for ParseAgain()
};

// A setting that has another value than before.
struct Difference {
  std::string name;
  std::string before;  // as Value::shown
  std::string after;
  bool live = false;
};

// Both from the same table.
std::vector<Difference> Compare(const std::vector<Value>& before, const std::vector<Value>& after);

// name = value  (source), one line per setting: what --print-config prints.
std::string RenderValues(const std::vector<Value>& values);

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
  // and --print-config-doc (markdown, defaults and not the current values). Prints what is wrong.
  ParseResult Parse(int argc, const char* const* argv);
  // The same in a running process, from the arguments that Parse() was given: prints nothing.
  // Files are read anew; when there are errors the targets are of no use.
  ParseResult ParseAgain(const std::vector<std::string>& arguments);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace topgun::config
