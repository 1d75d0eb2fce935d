#include "backend/part.h"

#include "base/status.h"
#include "topgun/crdt/v1/crdt.pb.h"

namespace topgun::gateway {
namespace {

// Columns, reference and bookkeeping of one op beside its key, tag and value.
constexpr size_t kOpBytes = 96;

char KindOf(wire::OpKind kind) {
  switch (kind) {
    case wire::OpKind::kPut:
      return crdt::v1::OP_KIND_PUT;
    case wire::OpKind::kRemove:
      return crdt::v1::OP_KIND_REMOVE;
    case wire::OpKind::kOrAdd:
      return crdt::v1::OP_KIND_OR_ADD;
    case wire::OpKind::kOrRemove:
      return crdt::v1::OP_KIND_OR_REMOVE;
    case wire::OpKind::kNothing:
      break;  // never leaves the ledger
  }
  return crdt::v1::OP_KIND_UNSPECIFIED;
}

uint32_t LengthOf(std::string_view bytes) { return static_cast<uint32_t>(bytes.size()); }

}  // namespace

uint32_t Dictionary::IndexOf(std::string_view name) {
  // Ops of a frame come together, so the name is usually the last one again.
  if (!index_.empty() && names_.Get(static_cast<int>(last_)) == name) return last_;
  if (const auto found = index_.find(ToAbsl(name)); found != index_.end()) {
    return last_ = found->second;
  }
  last_ = static_cast<uint32_t>(names_.size());
  std::string& kept = *names_.Add();
  kept.assign(name);
  index_.emplace(ToAbsl(kept), last_);
  return last_;
}

Part::Part(uint64_t id, uint32_t shard, MemoryBudget& budget)
    : budget_(budget),
      maps_(*message_.mutable_maps()),
      nodes_(*message_.mutable_nodes()),
      origins_(*message_.mutable_origins()) {
  message_.set_part_id(id);
  message_.set_shard(shard);
}

void Part::Append(const wire::Op& op, wire::WriteConcern concern, std::string_view origin,
                  const OpRef& ref) {
  AppendColumns(KindOf(op.kind), op, concern, origin, ref);
}

void Part::AppendDeadTag(std::string_view map, std::string_view tag, const OpRef& ref) {
  wire::Op op;
  op.map = map;
  op.tag = tag;
  AppendColumns(crdt::v1::OP_KIND_DEAD_TAG, op, wire::WriteConcern::kApplied, {}, ref);
}

void Part::AppendColumns(char kind, const wire::Op& op, wire::WriteConcern concern,
                         std::string_view origin, const OpRef& ref) {
  const std::string_view node = op.has_timestamp ? op.timestamp.node_id : std::string_view();
  message_.mutable_kinds()->push_back(kind);
  message_.add_map_index(maps_.IndexOf(op.map));
  message_.add_node_index(nodes_.IndexOf(node));
  message_.add_origin_index(origins_.IndexOf(origin));
  message_.add_millis(op.has_timestamp ? op.timestamp.millis : 0);
  message_.add_counters(op.has_timestamp ? op.timestamp.counter : 0);
  message_.mutable_keys()->append(op.key);
  message_.add_key_lengths(LengthOf(op.key));
  message_.mutable_tags()->append(op.tag);
  message_.add_tag_lengths(LengthOf(op.tag));
  message_.mutable_values()->append(op.value);
  message_.add_value_lengths(LengthOf(op.value));
  if (op.has_ttl) {
    message_.add_ttl_index(static_cast<uint32_t>(refs_.size()));
    message_.add_ttl_ms(op.ttl_ms);
  }
  if (concern != wire::WriteConcern::kApplied) AddConcern(concern);
  refs_.push_back(ref);

  const size_t bytes = op.key.size() + op.tag.size() + op.value.size() + kOpBytes;
  bytes_ += bytes;
  budget_.Take(bytes);
}

RestampedOp Part::OpAt(size_t index) const {
  const auto at = static_cast<int>(index);
  const auto cut = [at](const std::string& bytes, const auto& lengths) {
    size_t begin = 0;
    for (int i = 0; i < at; ++i) begin += lengths.Get(i);
    return std::string_view(bytes).substr(begin, lengths.Get(at));
  };
  return {.map = message_.maps(static_cast<int>(message_.map_index(at))),
          .key = cut(message_.keys(), message_.key_lengths()),
          .value = cut(message_.values(), message_.value_lengths())};
}

void Part::AddConcern(wire::WriteConcern concern) {
  concerns_.push_back({.index = refs_.size(), .level = concern});
  if (concern < wire::WriteConcern::kApplied) promised_ = true;
  if (concern == wire::WriteConcern::kMemory) message_.set_report_accepted(true);
  if (concern == wire::WriteConcern::kReplicated) {
    message_.set_replicate_ms(static_cast<uint32_t>(kReplicationPatience.count()));
  }
  if (concern == wire::WriteConcern::kPersisted) message_.set_persist(true);
}

bool Part::Settled(const WriteObserver& observer) {
  while (settled_ < refs_.size() && !observer.AwaitsAck(refs_[settled_])) ++settled_;
  return settled_ == refs_.size();
}

}  // namespace topgun::gateway
