// A private PostgreSQL 15: unix socket only, in a directory of its own, user "postgres", no
// password.
//
// Ready when the constructor returns. The freshly initialized cluster is kept in /tmp and copied,
// because initdb takes seconds. Started as root, it runs as the system user postgres. Commits are
// synchronous but not forced to the disk: they survive SIGQUIT, not the machine.
// Owned by one thread. Errors are exceptions.
#pragma once

#include <signal.h>

#include <string>
#include <string_view>
#include <vector>

#include "support/child_process.h"
#include "support/temp_dir.h"

namespace topgun::support {

class PostgresServer {
 public:
  // `settings` are "name=value" and win over ours, e.g. {"max_connections=5"}. A "port=N" counts
  // for Dsn(), too.
  explicit PostgresServer(std::vector<std::string> settings = {});
  ~PostgresServer();

  // libpq connection string.
  std::string Dsn(std::string_view database = "postgres") const;
  const std::string& dir() const { return dir_.path(); }
  std::string log_path() const { return dir_ / "postgres.log"; }

  void Start();  // no-op while it runs
  // SIGINT: fast shutdown. SIGQUIT: a crash of every process; the next start recovers.
  void Stop(int signal = SIGINT);
  void Restart(int signal = SIGINT);

  // New empty database; its name.
  std::string CreateDatabase();
  // Runs SQL and returns the first column of the first row ("" without rows); throws on an error.
  std::string Query(const std::string& sql, std::string_view database = "postgres") const;

 private:
  std::vector<std::string> settings_;
  std::string port_ = "5432";
  TempDir dir_;
  ChildProcess process_;
  int database_count_ = 0;
};

}  // namespace topgun::support
