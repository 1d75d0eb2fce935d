#include "backend/part.h"

#include <utility>

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

uint32_t Dictionary::Add(std::string_view name) {
  const auto number = static_cast<uint32_t>(index_.size());
  std::string& kept = *names_.Add();
  kept.assign(name);
  index_.Add(kept);
  return number;
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
  AppendRow(KindOf(op.kind), op, concern, origin, ref);
}

void Part::AppendDeadTag(std::string_view map, std::string_view tag, const OpRef& ref) {
  wire::Op op;
  op.map = map;
  op.tag = tag;
  AppendRow(crdt::v1::OP_KIND_DEAD_TAG, op, wire::WriteConcern::kApplied, {}, ref);
}

void Part::AppendCounted(std::string_view counter, const CountedNode& counted, const OpRef& ref) {
  const std::string value = state::EncodeCounted(counted.counted);
  wire::Op op;
  op.map = counter;
  op.key = counted.node;
  op.value = value;
  AppendRow(crdt::v1::OP_KIND_COUNTER, op, wire::WriteConcern::kApplied, {}, ref);
}

void Part::AppendRow(char kind, const wire::Op& op, wire::WriteConcern concern,
                     std::string_view origin, const OpRef& ref) {
  Row& row = rows_.emplace_back();
  row.kind = kind;
  row.map = maps_.IndexOf(op.map);
  row.origin = origins_.IndexOf(origin);
  if (op.has_timestamp) {
    row.node = nodes_.IndexOf(op.timestamp.node_id);
    row.millis = op.timestamp.millis;
    row.counter = op.timestamp.counter;
  } else {
    row.node = nodes_.IndexOf({});
  }
  row.key_bytes = LengthOf(op.key);
  row.tag_bytes = LengthOf(op.tag);
  row.value_bytes = LengthOf(op.value);
  keys_.append(op.key);
  tags_.append(op.tag);
  values_.append(op.value);
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

sync::v1::ApplyPart& Part::message() {
  if (!rows_.empty()) FillColumns();
  return message_;
}

void Part::FillColumns() {
  const auto fill = [this](auto& column, auto Row::*member) {
    column.Reserve(static_cast<int>(rows_.size()));
    auto* out = column.AddNAlreadyReserved(static_cast<int>(rows_.size()));
    for (const Row& row : rows_) *out++ = row.*member;
  };
  fill(*message_.mutable_map_index(), &Row::map);
  fill(*message_.mutable_node_index(), &Row::node);
  fill(*message_.mutable_origin_index(), &Row::origin);
  fill(*message_.mutable_millis(), &Row::millis);
  fill(*message_.mutable_counters(), &Row::counter);
  fill(*message_.mutable_key_lengths(), &Row::key_bytes);
  fill(*message_.mutable_tag_lengths(), &Row::tag_bytes);
  fill(*message_.mutable_value_lengths(), &Row::value_bytes);
  std::string kinds;
  kinds.reserve(rows_.size());
  for (const Row& row : rows_) kinds.push_back(row.kind);
  message_.set_kinds(std::move(kinds));
  message_.set_keys(std::move(keys_));
  message_.set_tags(std::move(tags_));
  message_.set_values(std::move(values_));
  rows_ = {};
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

void Part::set_traced(Tracer::Traced traced) {
  message_.mutable_context()->set_traceparent(tracing::Traceparent(traced.context));
  message_.mutable_context()->set_tracestate(traced.context.state);
  traced_ = std::make_unique<Tracer::Traced>(std::move(traced));
}

}  // namespace topgun::gateway
