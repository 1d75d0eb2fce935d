// Building and reading absl::Status from std::string_view.
//
// Debian's abseil is built with its own string_view, so
// absl::InvalidArgumentError(std::string_view) does not compile. All of TopGun builds and reads
// statuses through this header only. Codes equal gRPC's. Values; any thread.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace topgun {

using absl::Status;
using absl::StatusCode;
using absl::StatusOr;

inline absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }

inline Status MakeStatus(StatusCode code, std::string_view message) {
  return Status(code, ToAbsl(message));
}
inline Status OkStatus() { return Status(); }
inline Status InvalidArgument(std::string_view message) {
  return MakeStatus(StatusCode::kInvalidArgument, message);
}
inline Status NotFound(std::string_view message) {
  return MakeStatus(StatusCode::kNotFound, message);
}
inline Status FailedPrecondition(std::string_view message) {
  return MakeStatus(StatusCode::kFailedPrecondition, message);
}
inline Status Unavailable(std::string_view message) {
  return MakeStatus(StatusCode::kUnavailable, message);
}
inline Status ResourceExhausted(std::string_view message) {
  return MakeStatus(StatusCode::kResourceExhausted, message);
}
inline Status DeadlineExceeded(std::string_view message) {
  return MakeStatus(StatusCode::kDeadlineExceeded, message);
}
inline Status PermissionDenied(std::string_view message) {
  return MakeStatus(StatusCode::kPermissionDenied, message);
}
inline Status Unauthenticated(std::string_view message) {
  return MakeStatus(StatusCode::kUnauthenticated, message);
}
inline Status Internal(std::string_view message) {
  return MakeStatus(StatusCode::kInternal, message);
}
inline Status Aborted(std::string_view message) {
  return MakeStatus(StatusCode::kAborted, message);
}
inline Status Cancelled(std::string_view message) {
  return MakeStatus(StatusCode::kCancelled, message);
}

inline std::string_view Message(const Status& status) {
  return {status.message().data(), status.message().size()};
}

// "while loading map: connection refused", same code.
inline Status Annotate(const Status& status, std::string_view context) {
  if (status.ok()) return status;
  std::string text(context);
  text.append(": ").append(Message(status));
  return MakeStatus(status.code(), text);
}

// "UNAVAILABLE: connection refused", for logs.
inline std::string ToString(const Status& status) { return status.ToString(); }

}  // namespace topgun

#define TOPGUN_STATUS_CONCAT_INNER(a, b) a##b
#define TOPGUN_STATUS_CONCAT(a, b) TOPGUN_STATUS_CONCAT_INNER(a, b)

#define RETURN_IF_ERROR(expr)                        \
  do {                                               \
    ::topgun::Status topgun_status_ = (expr);        \
    if (!topgun_status_.ok()) return topgun_status_; \
  } while (false)

#define ASSIGN_OR_RETURN_INNER(tmp, lhs, expr) \
  auto tmp = (expr);                           \
  if (!tmp.ok()) return tmp.status();          \
  lhs = std::move(tmp).value()

#define ASSIGN_OR_RETURN(lhs, expr) \
  ASSIGN_OR_RETURN_INNER(TOPGUN_STATUS_CONCAT(topgun_status_or_, __LINE__), lhs, expr)
