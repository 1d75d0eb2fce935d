// Connection: who the user and the device are. The user's token decides whether the connection goes
// on; the device's identity only goes with the answer.
#include <string>
#include <utility>

#include "dispatch/connection.h"
#include "dispatch/connection_table.h"
#include "wire/server_encode.h"

namespace topgun::gateway {

using wire::FrameType;

void Connection::OnAuth(const wire::AuthFrame& frame) {
  if (authenticated_) {
    // A client with a token waits for this even when nobody asked for the token (core.md 2.2).
    if (context_.verifier != nullptr) return context_.probe.FrameDropped(DropReason::kUnexpected);
    if (device_asked_) return SendAck(FrameType::kAuthAck);
    return IdentifyDevice(frame.device_token, FrameType::kAuthAck);
  }
  StatusOr<Principal> principal = context_.verifier->Verify(frame.token);
  if (!principal.ok()) {
    context_.probe.Authenticated(AuthResult::kFailed);
    const std::string_view reason = context_.options.forward_auth_errors
                                        ? Message(principal.status())
                                        : std::string_view("Authentication failed");
    std::string reply;
    wire::EncodeAuthFail({.error = reason, .code = {}}, reply);
    session_.Reply(std::move(reply));
    ended_ = true;
    return session_.Close(CloseCause::kAuthFailed);
  }
  authenticated_ = true;
  principal_ = *std::move(principal);
  last_ping_ = context_.now;
  context_.probe.Authenticated(AuthResult::kOk);
  session_.SetMessageBytesMax(context_.options.message_bytes_max);
  IdentifyDevice(frame.device_token, FrameType::kAuthAck);
}

void Connection::OnDeviceHello(const wire::DeviceHelloFrame& frame) {
  if (context_.verifier != nullptr || device_asked_) {
    return context_.probe.FrameDropped(DropReason::kUnexpected);
  }
  IdentifyDevice(frame.device_token, FrameType::kDeviceAck);
}

void Connection::IdentifyDevice(std::optional<std::string_view> token, FrameType answer) {
  device_asked_ = true;
  std::optional<std::string_view> caller;
  if (context_.verifier != nullptr) caller = principal_.user_id;
  context_.devices.Identify(
      caller, token.value_or(std::string_view()),
      [&context = context_, id = id_, answer](const std::optional<DeviceIdentity>& identity) {
        Connection* const connection = context.table.Find(id);
        if (connection != nullptr) connection->OnDeviceKnown(identity, answer);
      });
}

void Connection::OnDeviceKnown(const std::optional<DeviceIdentity>& identity, FrameType answer) {
  if (ended_) return;
  std::string_view token;
  if (identity) {
    device_id_ = identity->id;
    token = identity->token;
  }
  SendAck(answer, token);
}

void Connection::SendAck(FrameType type, std::string_view new_device_token) {
  wire::AuthAckFrame ack;
  if (!principal_.user_id.empty()) ack.user_id = principal_.user_id;
  if (!device_id_.empty()) ack.device_id = device_id_;
  if (!new_device_token.empty()) ack.device_token = new_device_token;
  std::string frame;
  if (type == FrameType::kAuthAck) {
    wire::EncodeAuthAck(ack, frame);
  } else {
    wire::EncodeDeviceAck(ack, frame);
  }
  session_.Reply(std::move(frame));
}

}  // namespace topgun::gateway
