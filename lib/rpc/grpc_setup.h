// What gRPC reads once, when the first object of it is made. Private to this library.
#pragma once

namespace topgun::rpc {

// To be called before anything of gRPC is made: channels, servers, and credentials, too.
// Idempotent.
//
// Sends the log lines of gRPC through logging instead of to stderr, as warnings of component
// "grpc": what they report (refused connections, mostly) is an error only to the caller, who gets a
// status. And lets channels that carry no call be driven often,
// and locks be taken without looking for deadlocks.
void SetUpGrpc();

}  // namespace topgun::rpc
