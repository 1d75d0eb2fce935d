#include "rpc/status.h"

#include <string>

namespace topgun::rpc {

Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return OkStatus();
  return MakeStatus(static_cast<StatusCode>(status.error_code()), status.error_message());
}

grpc::Status ToGrpc(const Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return {static_cast<grpc::StatusCode>(status.code()),
          std::string(Message(status).substr(0, kStatusMessageBytesMax))};
}

}  // namespace topgun::rpc
