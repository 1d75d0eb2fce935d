#include "loadgen_fake_gateway.h"

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <deque>
#include <map>
#include <set>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "crdt/lww_map.h"
#include "crdt/or_map.h"
#include "wire/client_frame.h"
#include "wire/http_sync.h"
#include "wire/server_encode.h"

namespace topgun::loadgen {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using asio::use_awaitable;
using tcp = asio::ip::tcp;
using wire::FrameType;
using wire::OpKind;

struct Peer {
  explicit Peer(tcp::socket socket) : stream(std::move(socket)) {}

  websocket::stream<tcp::socket> stream;
  std::deque<std::string> out;
  bool writing = false;
  bool ready = false;
  std::set<std::string> subscriptions;
};
using PeerPtr = std::shared_ptr<Peer>;

std::string Frame(void (*encode)(std::string&)) {
  std::string out;
  encode(out);
  return out;
}

template <typename Content>
std::string Frame(void (*encode)(const Content&, std::string&), const Content& content) {
  std::string out;
  encode(content, out);
  return out;
}

}  // namespace

class FakeGateway::Server {
 public:
  Server(const Faults& faults, Counters& counters)
      : faults_(faults),
        counters_(counters),
        acceptor_(io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        clock_("fake-gateway", wall_) {
    asio::co_spawn(io_, Accept(), asio::detached);
    thread_ = std::thread([this] { io_.run(); });
  }

  ~Server() {
    io_.stop();
    thread_.join();
  }

  uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  asio::awaitable<void> Accept() {
    while (true) {
      tcp::socket socket = co_await acceptor_.async_accept(use_awaitable);
      ++counters_.connections;
      asio::co_spawn(io_, Serve(std::make_shared<Peer>(std::move(socket))), asio::detached);
    }
  }

  asio::awaitable<void> Serve(PeerPtr peer) {
    try {
      boost::beast::flat_buffer head;
      http::request<http::string_body> request;
      co_await http::async_read(peer->stream.next_layer(), head, request, use_awaitable);
      if (!websocket::is_upgrade(request)) {
        co_await ServeHttp(peer, std::move(head), std::move(request));
        co_return;
      }
      co_await peer->stream.async_accept(request, use_awaitable);
      peers_.insert(peer);
      peer->stream.binary(true);
      // Small fragments: the client has to put messages together again.
      peer->stream.auto_fragment(true);
      if (!faults_.no_auth) Send(peer, Frame(wire::EncodeAuthRequired));
      while (true) {
        boost::beast::flat_buffer buffer;
        co_await peer->stream.async_read(buffer, use_awaitable);
        const std::string_view bytes(static_cast<const char*>(buffer.data().data()), buffer.size());
        if (!Handle(peer, bytes)) break;
      }
      co_await peer->stream.async_close(websocket::close_code::normal, use_awaitable);
    } catch (const boost::system::system_error&) {
      // The peer is gone.
    }
    peers_.erase(peer);
  }

  // One request after the other, until the client closes or a fault ends the connection.
  asio::awaitable<void> ServeHttp(PeerPtr peer, boost::beast::flat_buffer buffer,
                                  http::request<http::string_body> request) {
    while (true) {
      http::response<http::string_body> response{http::status::not_found, request.version()};
      if (request.method() == http::verb::post && request.target() == "/sync") {
        ++counters_.sync_requests;
        response.result(faults_.sync_status);
        response.set(http::field::content_type, "application/msgpack");
        const auto body = OnSync(peer, request.body());
        if (!body) co_return;
        response.body() = *body;
      }
      response.keep_alive(faults_.keep_alive);
      response.prepare_payload();
      co_await http::async_write(peer->stream.next_layer(), response, use_awaitable);
      if (!faults_.keep_alive) co_return;
      request = {};
      co_await http::async_read(peer->stream.next_layer(), buffer, request, use_awaitable);
    }
  }

  // Nothing: close the connection instead of answering.
  std::optional<std::string> OnSync(const PeerPtr& peer, const std::string& body) {
    std::string out;
    wire::SyncRequest request;
    if (!wire::DecodeSyncRequest(body, request).ok()) return out;
    wire::SyncResponse response;
    response.server_hlc = {1'700'000'000'000, 0, "fake-gateway"};
    if (!request.operations.empty()) {
      const uint64_t number = ++counters_.batches;
      if (number == faults_.close_on_batch) return std::nullopt;
      if (number <= faults_.overload_batches) {
        response.errors.push_back({429, "server overloaded", {}});
      } else {
        Take(peer, request.operations, &response);
      }
    }
    wire::EncodeSyncResponse(response, out);
    return out;
  }

  void Take(const PeerPtr& peer, const std::vector<wire::Op>& ops, wire::SyncResponse* response) {
    wire::OpAckFrame ack;
    for (const wire::Op& op : ops) {
      const Fate fate = FateOf(op);
      if (fate == Fate::kRefused) response->errors.push_back({403, "refused", op.id});
      if (fate == Fate::kStored) Apply(peer, op);
      ack.last_id = op.id;
    }
    if (faults_.acks && response->errors.empty()) response->ack = ack;
  }

  enum class Fate { kStored, kLost, kRefused };

  Fate FateOf(const wire::Op& op) {
    const uint64_t number = ++counters_.ops;
    const std::string identity = std::string(op.timestamp.node_id) + ":" + std::string(op.id);
    uint64_t& newest = newest_ids_[std::string(op.timestamp.node_id)];
    const uint64_t id = std::stoull(std::string(op.id));
    if (!seen_ops_.insert(identity).second) {
      ++counters_.repeated_ops;
    } else if (id < newest) {
      ++counters_.late_ops;
    }
    newest = std::max(newest, id);
    if (faults_.refuse_every > 0 && number % faults_.refuse_every == 0) return Fate::kRefused;
    const bool stored = faults_.lose_every == 0 || number % faults_.lose_every != 0;
    return stored ? Fate::kStored : Fate::kLost;
  }

  void Send(const PeerPtr& peer, std::string frame) {
    peer->out.push_back(std::move(frame));
    if (!std::exchange(peer->writing, true)) asio::co_spawn(io_, Write(peer), asio::detached);
  }

  asio::awaitable<void> Write(PeerPtr peer) {
    try {
      while (!peer->out.empty()) {
        const std::string frame = std::move(peer->out.front());
        peer->out.pop_front();
        co_await peer->stream.async_write(asio::buffer(frame), use_awaitable);
      }
    } catch (const boost::system::system_error&) {
      // The reading side notices.
    }
    peer->writing = false;
  }

  // False: close the connection.
  bool Handle(const PeerPtr& peer, std::string_view bytes) {
    if (!wire::Decode(bytes, frame_).ok()) return true;
    switch (frame_.type) {
      case FrameType::kAuth:
        return OnAuth(peer);
      case FrameType::kDeviceHello:
        peer->ready = faults_.no_auth;
        if (faults_.no_auth) Send(peer, Frame<wire::AuthAckFrame>(wire::EncodeDeviceAck, {}));
        return true;
      case FrameType::kPing:
        Send(peer, Frame<wire::PongFrame>(wire::EncodePong, {frame_.ping.timestamp, 0}));
        return true;
      case FrameType::kOpBatch:
        return !peer->ready || OnBatch(peer);
      case FrameType::kQuerySub:
        OnQuery(peer);
        return true;
      case FrameType::kQueryUnsub:
        peer->subscriptions.erase(std::string(frame_.query_unsub.query_id));
        return true;
      case FrameType::kOrMapSyncInit:
      case FrameType::kOrMapMerkleReqBucket:
        if (faults_.merkle) OnMerkle(peer);
        return true;
      default:
        return true;
    }
  }

  bool OnAuth(const PeerPtr& peer) {
    if (faults_.refuse_token) {
      Send(peer, Frame<wire::AuthFailFrame>(wire::EncodeAuthFail, {"Authentication failed", {}}));
      return true;
    }
    if (std::exchange(peer->ready, true)) return true;
    Send(peer, Frame<wire::AuthAckFrame>(wire::EncodeAuthAck, {}));
    return true;
  }

  bool OnBatch(const PeerPtr& peer) {
    const uint64_t number = ++counters_.batches;
    if (number == faults_.close_on_batch) return false;
    if (number <= faults_.overload_batches) {
      Send(peer, Frame<wire::ErrorFrame>(wire::EncodeError, {429, "server overloaded", {}}));
      if (number == faults_.overload_batches) {
        for (const PeerPtr& other : peers_) {
          Send(other, Frame<wire::AuthAckFrame>(wire::EncodeAuthAck, {}));
        }
      }
      return true;
    }
    wire::OpAckFrame ack;
    for (const wire::Op& op : frame_.op_batch.ops) {
      const Fate fate = FateOf(op);
      ack.last_id = op.id;
      if (fate == Fate::kRefused) {
        ack.results.push_back({op.id, false, wire::WriteConcern::kFireAndForget, "refused"});
      } else if (fate == Fate::kStored) {
        Apply(peer, op);
      }
    }
    ack.achieved_level = wire::WriteConcern::kApplied;
    if (faults_.acks) Send(peer, Frame(wire::EncodeOpAck, ack));
    return true;
  }

  void Apply(const PeerPtr& writer, const wire::Op& op) {
    wire::EventView event;
    event.map = op.map;
    event.key = op.key;
    event.kind = op.kind;
    bool changed = false;
    if (op.kind == OpKind::kPut || op.kind == OpKind::kRemove) {
      const bool removal = op.kind == OpKind::kRemove;
      crdt::LwwRecord record{std::string(op.value), crdt::Timestamp(op.timestamp), {}, removal};
      changed = Lww(op.map).Merge(op.key, std::move(record)) == crdt::MergeOutcome::kApplied;
      event.record = wire::LwwRecordView{op.value, op.timestamp};
    } else if (op.kind == OpKind::kOrAdd) {
      const bool known = known_tags_.contains(std::string(op.tag));
      changed =
          !known &&
          Or(op.map).Apply(
              op.key,
              {std::string(op.value), crdt::Timestamp(op.timestamp), std::string(op.tag), {}});
      known_tags_.emplace(op.tag);
      event.or_record = crdt::OrRecordView{op.value, op.timestamp, op.tag};
    } else {
      changed = !Or(op.map).IsTombstone(op.tag);
      Or(op.map).ApplyTombstone(op.tag, op.key);
      event.or_tag = op.tag;
    }
    if (changed && faults_.events) Publish(writer, event);
  }

  void Publish(const PeerPtr& writer, const wire::EventView& event) {
    const std::string frame = Frame(wire::EncodeServerEvent, event);
    for (const PeerPtr& peer : peers_) {
      if (peer == writer || !peer->subscriptions.contains(std::string(event.map))) continue;
      Send(peer, frame);
      if (event.record) Update(peer, event);
    }
  }

  void Update(const PeerPtr& peer, const wire::EventView& event) {
    if (faults_.lose_update_every > 0 && ++updates_ % faults_.lose_update_every == 0) return;
    wire::QueryUpdateFrame update;
    update.query_id = event.map;  // as subscribers name their queries
    update.key = event.key;
    update.value = event.record->value;
    update.change =
        event.kind == OpKind::kRemove ? wire::ChangeType::kLeave : wire::ChangeType::kUpdate;
    Send(peer, Frame(wire::EncodeQueryUpdate, update));
  }

  void OnQuery(const PeerPtr& peer) {
    peer->subscriptions.emplace(frame_.query_sub.map);
    wire::QueryRespFrame snapshot;
    snapshot.query_id = frame_.query_sub.query_id;
    for (const auto& [key, record] : Lww(frame_.query_sub.map).records()) {
      if (!record.tombstone) snapshot.results.push_back({key, record.value});
    }
    Send(peer, Frame(wire::EncodeQueryResp, snapshot));
  }

  void OnMerkle(const PeerPtr& peer) {
    if (frame_.type == FrameType::kOrMapSyncInit) {
      const crdt::Timestamp now = clock_.Tick();
      const std::string_view map = frame_.or_map_sync_init.map;
      Send(peer, Frame<wire::SyncRootFrame>(wire::EncodeOrMapSyncRespRoot,
                                            {map, Or(map).tree().root_hash(), now.view(), {}, {}}));
      return;
    }
    const auto& [map, path] = frame_.merkle_req_bucket;
    if (path.size() == crdt::MerkleTree::kDepth) return SendLeaf(peer, map, path);
    const std::vector<crdt::MerkleTree::Bucket> children = Or(map).tree().Children(path);
    wire::SyncBucketsFrame buckets{map, path, {}};
    for (const auto& child : children) buckets.buckets.push_back({{&child.digit, 1}, child.hash});
    Send(peer, Frame(wire::EncodeOrMapSyncRespBuckets, buckets));
  }

  void SendLeaf(const PeerPtr& peer, std::string_view map, std::string_view path) {
    wire::OrMapLeafFrame leaf;
    leaf.map = map;
    leaf.path = path;
    for (const auto& item : Or(map).tree().Items(path)) {
      leaf.entries.AddKey(item.key);
      for (const crdt::OrRecord& record : Or(map).RecordsOf(item.key)) {
        leaf.entries.AddRecord({record.value, record.timestamp.view(), record.tag});
      }
    }
    Send(peer, Frame(wire::EncodeOrMapSyncRespLeaf, leaf));
  }

  crdt::LwwMap& Lww(std::string_view name) {
    return lww_maps_.try_emplace(std::string(name), clock_).first->second;
  }
  crdt::OrMap& Or(std::string_view name) {
    return or_maps_.try_emplace(std::string(name), clock_, crdt::OrMap::Role::kServer)
        .first->second;
  }

  const Faults faults_;
  Counters& counters_;
  asio::io_context io_{1};
  tcp::acceptor acceptor_;
  SystemClock wall_;
  crdt::HybridLogicalClock clock_;
  wire::ClientFrame frame_;
  std::set<PeerPtr> peers_;
  std::map<std::string, crdt::LwwMap> lww_maps_;
  std::map<std::string, crdt::OrMap> or_maps_;
  std::set<std::string> known_tags_;
  std::set<std::string> seen_ops_;
  std::map<std::string, uint64_t> newest_ids_;  // by client
  uint64_t updates_ = 0;
  std::thread thread_;
};

FakeGateway::FakeGateway(const Faults& faults)
    : server_(std::make_unique<Server>(faults, counters_)) {
  port_ = server_->port();
}

FakeGateway::~FakeGateway() = default;

}  // namespace topgun::loadgen
