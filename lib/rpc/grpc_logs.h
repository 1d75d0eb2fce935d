// gRPC writes plain text to stderr by default. Private to this library.
#pragma once

namespace topgun::rpc {

// Sends the log lines of gRPC through logging, as warnings of component "grpc": what they report
// (refused connections, mostly) is an error only to the caller, who gets a status. Idempotent.
void RouteGrpcLogs();

}  // namespace topgun::rpc
