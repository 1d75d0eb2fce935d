// One client: authentication, heartbeat, limits, and the dispatch of its frames (core.md 2).
//
// Owned by the ConnectionTable; made when a WebSocket opens, destroyed when it is closed. One
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dispatch/device_registry.h"
#include "dispatch/io.h"
#include "dispatch/loop_context.h"
#include "dispatch/rate_limiter.h"
#include "dispatch/write_path.h"
#include "ws/session.h"

namespace topgun::gateway {

class Connection final : public SessionHandler {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `origin` names the connection in the changes its writes cause.
  Connection(ConnectionId id, std::string origin, Session& session, LoopContext& context);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void OnMessage(std::string_view message, bool binary) override;
  void OnClosed(CloseCause cause) override;

  // Handles a frame that had to wait for the policies, and reads on.
  void HandleHeld(std::string_view message);
  // Ends the connection when a deadline has passed; none will before the time that is returned.
  Time Sweep(Time now);
  // The options of the context have changed.
  void OnOptionsChanged();
  // Makes the client send everything unacknowledged again.
  void Revive();
  // Reads no more; closes once every ack has left, at the latest when told `at_once`. True once it
  // is closing.
  bool Leave(CloseCause cause, bool at_once);
  // It need not leave after all.
  void Stay() { writes_.PauseReading(WritePath::Pause::kLeave, false); }
  // Sends the map of the cluster if it is newer than the client's and of interest to it.
  bool OfferPartitionMap();

  ConnectionId id() const { return id_; }
  const std::string& origin() const { return origin_; }
  const Principal& principal() const { return principal_; }
  Session& session() { return session_; }
  bool authenticated() const { return authenticated_; }
  bool ended() const { return ended_; }  // it is closing
  // Of the device, once it has said who it is; or else empty.
  const std::string& device_id() const { return device_id_; }
  Time opened() const { return opened_; }
  // Runs once all writes and pushes that came before are applied or refused.
  void AfterOwnChanges(std::function<void()> run);
  WritePath& writes() { return writes_; }
  // Tells that a query cannot be answered. Whoever has rows of it on show keeps them.
  void RefuseQuery(std::string_view query_id, bool has_rows, std::string_view reason);
  // The frame at hand asks for data of the map; null: it is not traced.
  Tracer::QuestionPtr Ask(std::string_view map);

 private:
  enum class Level : uint8_t { kFrame, kHeldFrame, kBatchItem };

  void Handle(std::string_view message, Level level);
  bool WithinRate(const wire::ClientFrame& frame);
  void Dispatch(const wire::ClientFrame& frame, Level level);
  void OnAuth(const wire::AuthFrame& frame);
  void OnDeviceHello(const wire::DeviceHelloFrame& frame);
  void OnPing(const wire::PingFrame& frame);
  void OnBatch(std::string_view data, Level level);
  void OnPartitionMapRequest(const wire::PartitionMapRequestFrame& frame);
  void OnQuerySub(const wire::QuerySubFrame& frame);
  void SubscribeRows(const wire::QuerySubFrame& frame, Decision decision);
  // A request of a feature that we lack.
  void OnFeature(wire::FrameType type, const wire::FeatureFrame& frame);
  void NotImplemented(std::string_view what);
  // Asks who the device is, once, and answers with it.
  void IdentifyDevice(std::optional<std::string_view> token, wire::FrameType answer);
  void OnDeviceKnown(const std::optional<DeviceIdentity>& identity, wire::FrameType answer);
  // AUTH_ACK or DEVICE_ACK.
  void SendAck(wire::FrameType type, std::string_view new_device_token = {});

  const ConnectionId id_;
  const std::string origin_;
  Session& session_;
  LoopContext& context_;
  const std::unique_ptr<Tracer::Upgrade> upgrade_;  // null: no trace came with the connection
  WritePath writes_;
  RateLimiter rate_;
  const Time opened_;
  Time last_ping_;
  Principal principal_;  // nobody until authenticated, and in no-auth mode
  bool authenticated_ = false;
  bool device_asked_ = false;
  std::string device_id_;       // empty until known
  bool asked_for_map_ = false;  // as only clients in cluster mode do
  int64_t map_version_ = 0;     // of the map that the client has
  bool ended_ = false;          // closing: whatever still arrives is ignored
};

}  // namespace topgun::gateway
