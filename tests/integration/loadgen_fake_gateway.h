// A gateway and its cluster in one object, for the tests of the load generator: speaks the protocol
// over a real socket on 127.0.0.1, WebSocket as well as POST /sync, keeps its maps with lib/crdt,
// and misbehaves on request.
//
// Runs on a thread of its own from construction to destruction. Counters may be read by any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace topgun::loadgen {

class FakeGateway {
 public:
  struct Faults {
    uint32_t lose_every = 0;        // acknowledges every n-th operation without storing it
    uint32_t refuse_every = 0;      // refuses every n-th operation through `results`
    uint32_t overload_batches = 0;  // answers the first n OP_BATCH with ERROR 429, then AUTH_ACK
    uint32_t close_on_batch = 0;  // closes the connection that brings the n-th OP_BATCH, unanswered
    bool refuse_token = false;
    bool no_auth = false;
    bool merkle = true;              // false: silent about Merkle sync
    bool acks = true;                // false: never acknowledges
    bool events = true;              // false: subscribers hear nothing
    uint32_t lose_update_every = 0;  // every n-th QUERY_UPDATE is not sent
    uint32_t sync_status = 200;      // of every answer of POST /sync
    bool keep_alive = true;          // false: an HTTP connection ends with its first answer
  };

  FakeGateway() : FakeGateway(Faults()) {}
  explicit FakeGateway(const Faults& faults);
  ~FakeGateway();

  uint16_t port() const { return port_; }
  std::string url() const { return "ws://127.0.0.1:" + std::to_string(port_) + "/ws"; }

  struct Counters {
    std::atomic<uint64_t> connections{0};
    std::atomic<uint64_t> batches{0};
    std::atomic<uint64_t> sync_requests{0};  // POST /sync, also those without operations
    std::atomic<uint64_t> ops{0};
    std::atomic<uint64_t> repeated_ops{0};  // had come before
    std::atomic<uint64_t> late_ops{0};      // came first after one of the same client's larger ids
  };
  const Counters& counters() const { return counters_; }

 private:
  class Server;

  Counters counters_;
  uint16_t port_ = 0;
  std::unique_ptr<Server> server_;
};

}  // namespace topgun::loadgen
