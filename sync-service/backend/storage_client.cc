#include "backend/storage_client.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "rpc/channel.h"
#include "rpc/status.h"

namespace topgun::sync {

namespace pb = topgun::storage::v1;

namespace {

constexpr std::chrono::seconds kOpenDeadline{5};
constexpr std::chrono::seconds kLoadDeadline{120};
constexpr char kOwnerTrailer[] = "topgun-owner";
constexpr char kNobodyKnown[] = "no storage process is known";

std::string OwnerHint(const grpc::ClientContext& context) {
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto it = trailers.find(kOwnerTrailer);
  return it == trailers.end() ? std::string() : std::string(it->second.data(), it->second.size());
}

std::vector<LoadedCell> Unpack(const pb::LoadMapChunk& chunk) {
  std::vector<LoadedCell> cells;
  size_t key_at = 0;
  size_t tag_at = 0;
  size_t cell_at = 0;
  for (int i = 0; i < chunk.cell_lengths_size(); ++i) {
    if (i >= chunk.key_lengths_size() || i >= chunk.tag_lengths_size()) break;
    const size_t key_size = chunk.key_lengths(i);
    const size_t tag_size = chunk.tag_lengths(i);
    const size_t cell_size = chunk.cell_lengths(i);
    if (key_at + key_size > chunk.keys().size() || tag_at + tag_size > chunk.tags().size() ||
        cell_at + cell_size > chunk.cells().size()) {
      break;
    }
    cells.push_back({chunk.keys().substr(key_at, key_size), chunk.tags().substr(tag_at, tag_size),
                     chunk.cells().substr(cell_at, cell_size)});
    key_at += key_size;
    tag_at += tag_size;
    cell_at += cell_size;
  }
  return cells;
}

}  // namespace

// Where calls in flight hand their results over; closed before the client goes away.
class StorageClient::Outbox {
 public:
  explicit Outbox(Post post) : post_(std::move(post)) {}
  // False when the client is gone.
  bool Send(std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    post_(std::move(task));
    return true;
  }
  void Close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }

 private:
  std::mutex mutex_;
  Post post_;
  bool closed_ = false;
};

// Owns itself until its callback has been posted.
class StorageClient::OpenCall {
 public:
  static void Start(StorageClient& client, uint32_t shard, std::string_view run,
                    StatusCallback callback) {
    auto call = std::make_shared<OpenCall>();
    call->request.set_shard(shard);
    call->request.set_run(std::string(run));
    call->context.set_deadline(std::chrono::system_clock::now() + kOpenDeadline);
    Stub* const stub = client.StubFor(shard);
    if (stub == nullptr) {
      client.outbox_->Send([callback] { callback(Unavailable(kNobodyKnown)); });
      return;
    }
    stub->async()->OpenShard(
        &call->context, &call->request, &call->response,
        [&client, outbox = client.outbox_, shard, call,
         callback = std::move(callback)](const grpc::Status& status) {
          outbox->Send([&client, shard, call, callback, result = rpc::FromGrpc(status)] {
            if (!result.ok()) client.Redirect(shard, OwnerHint(call->context));
            callback(result);
          });
        });
  }

  grpc::ClientContext context;
  pb::OpenShardRequest request;
  pb::OpenShardResponse response;
};

// Deletes itself after OnDone. One chunk is in flight: the next read starts when the receiver asks
// for it, until then a hold keeps the call from ending.
class StorageClient::LoadCall final : public grpc::ClientReadReactor<pb::LoadMapChunk> {
 public:
  LoadCall(StorageClient& client, Stub& stub, uint32_t shard, std::string_view map_id,
           const state::Position& floor, Chunk chunk, StatusCallback done)
      : client_(client),
        outbox_(client.outbox_),
        shard_(shard),
        chunk_(std::move(chunk)),
        done_(std::move(done)) {
    request_.set_shard(shard);
    request_.set_kind(static_cast<uint8_t>(map_id.front()));
    request_.set_map(std::string(map_id.substr(1)));
    request_.set_floor_incarnation(floor.incarnation);
    request_.set_floor_n(floor.n);
    context_.set_deadline(std::chrono::system_clock::now() + kLoadDeadline);
    stub.async()->LoadMap(&context_, &request_, this);
    AddHold();
    StartRead(&message_);
    StartCall();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return RemoveHold();
    const bool sent = outbox_->Send([this, cells = Unpack(message_)]() mutable {
      chunk_(std::move(cells), [this] { StartRead(&message_); });
    });
    if (!sent) RemoveHold();
  }

  void OnDone(const grpc::Status& status) override {
    const bool sent = outbox_->Send([this, result = rpc::FromGrpc(status)] {
      if (!result.ok()) client_.Redirect(shard_, OwnerHint(context_));
      done_(result);
      delete this;
    });
    if (!sent) delete this;
  }

 private:
  StorageClient& client_;
  std::shared_ptr<Outbox> outbox_;
  uint32_t shard_;
  Chunk chunk_;
  StatusCallback done_;
  grpc::ClientContext context_;
  pb::LoadMapRequest request_;
  pb::LoadMapChunk message_;
};

StorageClient::StorageClient(discovery::Resolver& resolver, rpc::Credentials credentials, Post post)
    : resolver_(resolver),
      credentials_(std::move(credentials)),
      outbox_(std::make_shared<Outbox>(std::move(post))) {
  SetAddresses(resolver_.Subscribe(*this));
}

StorageClient::~StorageClient() {
  resolver_.Unsubscribe(*this);
  outbox_->Close();
}

void StorageClient::OnAddresses(const discovery::Addresses& addresses) {
  outbox_->Send([this, addresses] { SetAddresses(addresses); });
}

// Calls in flight keep the connection they are on. An owner that was named by a refusal is asked
// even if it is not in the list: it may call itself otherwise.
void StorageClient::SetAddresses(const discovery::Addresses& addresses) {
  addresses_ = addresses;
  std::erase_if(stubs_, [this](const auto& entry) {
    return Find(entry.first) == nullptr &&
           std::none_of(address_of_shard_.begin(), address_of_shard_.end(),
                        [&](const auto& hint) { return hint.second == entry.first; });
  });
}

const discovery::Address* StorageClient::Find(const std::string& address) const {
  const auto found = std::find_if(addresses_.begin(), addresses_.end(),
                                  [&](const auto& each) { return each.address == address; });
  return found == addresses_.end() ? nullptr : &*found;
}

std::string StorageClient::AddressOf(uint32_t shard) const {
  const auto it = address_of_shard_.find(shard);
  if (it != address_of_shard_.end()) return it->second;
  return addresses_.empty() ? std::string() : addresses_[next_address_ % addresses_.size()].address;
}

StorageClient::Stub* StorageClient::StubFor(uint32_t shard) {
  const std::string address = AddressOf(shard);
  return address.empty() ? nullptr : &StubOf(address);
}

StorageClient::Stub& StorageClient::StubOf(const std::string& address) {
  auto& stub = stubs_[address];
  if (stub == nullptr) {
    const discovery::Address* const known = Find(address);
    stub = pb::Storage::NewStub(rpc::MakeChannel(
        address, {.credentials = credentials_, .server_name = known ? known->name : ""}));
  }
  return *stub;
}

void StorageClient::Redirect(uint32_t shard, const std::string& owner) {
  if (!owner.empty() && AddressOf(shard) != owner) {
    address_of_shard_[shard] = owner;
    return;
  }
  address_of_shard_.erase(shard);
  ++next_address_;
  resolver_.Hurry();
}

void StorageClient::OpenShard(uint32_t shard, std::string_view run, StatusCallback callback) {
  OpenCall::Start(*this, shard, run, std::move(callback));
}

void StorageClient::LoadMap(uint32_t shard, std::string_view map_id, const state::Position& floor,
                            Chunk chunk, StatusCallback done) {
  Stub* const stub = StubFor(shard);
  if (stub == nullptr) {
    outbox_->Send([done = std::move(done)] { done(Unavailable(kNobodyKnown)); });
    return;
  }
  new LoadCall(*this, *stub, shard, map_id, floor, std::move(chunk), std::move(done));
}

}  // namespace topgun::sync
