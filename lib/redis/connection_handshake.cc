// Connection: from an open socket to a server that serves, and a look from time to time whether it
// still is the one it was.
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/secret_file.h"
#include "connection_impl.h"
#include "server_info.h"

namespace topgun::redis {

void Connection::Impl::OnLinkOpen() {
  LogIn();
  // A name only helps people: that a server refuses it does not matter.
  const std::array<std::string_view, 3> name = {"CLIENT", "SETNAME", options_.client_name};
  Enqueue(Command(name, {}), nullptr, {}, nullptr);
  const std::array<std::string_view, 1> info = {"INFO"};
  Enqueue(Command(info, {}), nullptr, {}, [this](const StatusOr<Reply>& reply) { OnInfo(reply); });
}

void Connection::Impl::LogIn() {
  const Security& security = options_.security;
  const std::string password = CurrentSecret(security.password, security.password_file);
  std::vector<std::string_view> auth = {"AUTH"};
  if (!security.username.empty()) auth.push_back(security.username);
  auth.push_back(password);
  if (security.username.empty() && password.empty()) return;
  Enqueue(Command(auth, {}), nullptr, {}, [this](const StatusOr<Reply>& reply) {
    if (!reply.ok()) Break(Annotate(reply.status(), "AUTH"));
  });
}

StatusOr<std::string> Connection::Impl::RunOf(const StatusOr<Reply>& info) const {
  if (!info.ok()) return info.status();
  if (options_.any_role) return std::string();
  return RunOfServer(ReplyView(info->get()).str());
}

void Connection::Impl::OnInfo(const StatusOr<Reply>& reply) {
  StatusOr<std::string> run = RunOf(reply);
  if (!run.ok()) return Break(run.status());
  run_ = *std::move(run);
  connected_ = true;
  backoff_ = kBackoffMin;
  CheckRunLater();
  if (events_.connected) events_.connected(run_);
}

void Connection::Impl::CheckRunLater() {
  run_timer_.expires_after(options_.run_check);
  run_timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error && self->connected_) self->CheckRun();
  });
}

void Connection::Impl::CheckRun() {
  const std::array<std::string_view, 1> info = {"INFO"};
  Enqueue(Command(info, {}), nullptr, {}, [this](const StatusOr<Reply>& reply) {
    if (!connected_) return;  // broken meanwhile
    const StatusOr<std::string> run = RunOf(reply);
    if (run.ok() && *run == run_) return CheckRunLater();
    Break(run.ok() ? Unavailable("Redis has another replication id by now") : run.status());
  });
}

}  // namespace topgun::redis
