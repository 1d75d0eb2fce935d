// The endpoints below /debug/ on the admin port: profiles of CPU and memory, threads, the log
// level.
//
//   debug::DebugEndpoints debug({.enabled = config.debug_endpoints});
//   debug.Mount(admin);  // before admin.Start()
//
// They show what the process does and cost it something, so they are off unless the operator turns
// them on; then every path says so with 404. A profile takes up to a minute: a thread of its own
// takes it, one at a time, while the admin port goes on answering.
//
// Owned by the app, outlives the admin server. The destructor ends a profile that is being taken.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "admin/admin_server.h"

namespace topgun::debug {

struct DebugOptions {
  bool enabled = false;
  std::string program = {};
  // As config::ParseResult::shown has them, secrets masked; asked on any thread.
  std::function<std::string()> settings = [] { return std::string(); };
};

// Takes a section's state as JSON, from any thread, at any time. Calling it late does no harm.
using SectionDone = std::function<void(std::string json)>;
// Must be quick: hands the question to whatever thread knows the answer.
using SectionReader = std::function<void(SectionDone)>;

class DebugEndpoints {
 public:
  explicit DebugEndpoints(DebugOptions options);
  ~DebugEndpoints();
  DebugEndpoints(const DebugEndpoints&) = delete;
  DebugEndpoints& operator=(const DebugEndpoints&) = delete;

  // Both before the server starts. Sections must stay readable until it has stopped.
  void AddSection(std::string name, SectionReader read);
  void Mount(admin::AdminServer& server);
  // One more endpoint below /debug/, under the same switch.
  void Handle(admin::AdminServer& server, std::string path,
              std::function<admin::Response(const admin::Request&)> answer);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace topgun::debug
