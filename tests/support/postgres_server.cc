#include "support/postgres_server.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace topgun::support {
namespace {

namespace fs = std::filesystem;

constexpr char kBinaries[] = "/usr/lib/postgresql/15/bin/";
constexpr char kSystemUser[] = "postgres";

using PgConn = std::unique_ptr<PGconn, decltype(&PQfinish)>;
using PgResult = std::unique_ptr<PGresult, decltype(&PQclear)>;

ChildProcess::Options AsPostgres(const std::string& log_path) {
  return {.output_path = log_path, .user = kSystemUser, .environment = {}};
}

// The server refuses to run as root, so root gives it the files.
void GiveToPostgres(const std::string& path) {
  if (::geteuid() == 0) RunCommand({"chown", kSystemUser, path}, {});
}

// One test binary at a time makes the template.
class FileLock {
 public:
  explicit FileLock(const std::string& path)
      : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (fd_ < 0 || ::flock(fd_, LOCK_EX) != 0) {
      throw std::system_error(errno, std::generic_category(), path);
    }
  }
  ~FileLock() { ::close(fd_); }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int fd_;
};

// Directory with an initialized cluster, made on first use and kept for later runs of this user.
std::string TemplateCluster() {
  const std::string home = "/tmp/topgun-test-postgres-15-" + std::to_string(::geteuid());
  fs::create_directory(home);
  struct stat owner {};
  if (::lstat(home.c_str(), &owner) != 0 || !S_ISDIR(owner.st_mode) ||
      owner.st_uid != ::geteuid()) {
    throw std::runtime_error(home + " is not ours");
  }
  const FileLock lock(home + "/lock");
  const std::string ready = home + "/data";
  if (fs::exists(ready)) return ready;

  const std::string log = home + "/initdb.log";
  const std::string fresh = home + "/fresh";
  fs::remove_all(fresh);
  fs::create_directory(fresh);
  GiveToPostgres(fresh);
  RunCommand({std::string(kBinaries) + "initdb", "--pgdata", fresh, "--username", "postgres",
              "--auth", "trust", "--locale", "C", "--encoding", "UTF8", "--no-sync"},
             AsPostgres(log));
  fs::rename(fresh, ready);
  return ready;
}

PgConn Connect(const std::string& dsn) { return {PQconnectdb(dsn.c_str()), &PQfinish}; }

}  // namespace

PostgresServer::PostgresServer(std::vector<std::string> settings) : settings_(std::move(settings)) {
  constexpr std::string_view kPort = "port=";
  for (const std::string& setting : settings_) {
    if (setting.starts_with(kPort)) port_ = setting.substr(kPort.size());
  }
  RunCommand({"cp", "-a", TemplateCluster(), dir_ / "data"}, {});
  GiveToPostgres(dir_.path());
  Start();
}

PostgresServer::~PostgresServer() {
  process_.Signal(SIGQUIT);
  process_.Wait();  // its children hold files in our directory
}

std::string PostgresServer::Dsn(std::string_view database) const {
  return "host=" + dir_.path() + " port=" + port_ +
         " user=postgres dbname=" + std::string(database);
}

void PostgresServer::Start() {
  if (process_.Running()) return;
  std::vector<std::string> command = {std::string(kBinaries) + "postgres", "-D", dir_ / "data"};
  std::vector<std::string> settings = {
      "listen_addresses=", "unix_socket_directories=" + dir_.path(), "fsync=off",
      "full_page_writes=off"};
  settings.insert(settings.end(), settings_.begin(), settings_.end());
  for (std::string& setting : settings) {
    command.push_back("-c");
    command.push_back(std::move(setting));
  }
  process_ = ChildProcess(command, AsPostgres(log_path()));
  const bool ready = WaitUntil(
      [this] { return !process_.Running() || PQstatus(Connect(Dsn()).get()) == CONNECTION_OK; });
  if (!ready || !process_.Running()) {
    throw std::runtime_error("postgres did not start, see " + log_path());
  }
}

void PostgresServer::Stop(int signal) {
  process_.Signal(signal);
  if (!process_.Wait()) throw std::runtime_error("postgres did not stop");
}

void PostgresServer::Restart(int signal) {
  Stop(signal);
  Start();
}

std::string PostgresServer::CreateDatabase() {
  std::string name = "db" + std::to_string(++database_count_);
  Query("CREATE DATABASE " + name);
  return name;
}

std::string PostgresServer::Query(const std::string& sql, std::string_view database) const {
  const PgConn connection = Connect(Dsn(database));
  const PgResult result(PQexec(connection.get(), sql.c_str()), &PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    throw std::runtime_error(sql + ": " + PQerrorMessage(connection.get()));
  }
  return PQntuples(result.get()) == 0 ? "" : PQgetvalue(result.get(), 0, 0);
}

}  // namespace topgun::support
