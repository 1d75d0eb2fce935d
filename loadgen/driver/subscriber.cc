#include "driver/subscriber.h"

#include <utility>

#include "wire/client_encode.h"

namespace topgun::loadgen {

using wire::FrameType;
using wire::OpKind;

Subscriber::Subscriber(boost::asio::io_context& io, const RunContext& context, uint32_t connection,
                       std::vector<uint32_t> maps, RunStats& stats, wire::ServerFrame& decoded,
                       Sightings* sightings)
    : context_(context),
      maps_(std::move(maps)),
      stats_(stats),
      sightings_(sightings),
      session_(io, context.SessionOf(connection), stats, decoded, *this),
      snapshots_missing_(maps_.size()) {}

void Subscriber::OnReady() {
  snapshots_missing_ = maps_.size();
  for (const uint32_t map : maps_) {
    const std::string& name = context_.keys().maps()[map].name;
    wire::QuerySubFrame query;
    query.query_id = name;
    query.map = name;
    std::string frame;
    wire::EncodeQuerySub(query, frame);
    session_.Send({frame});
  }
}

void Subscriber::OnDown() {
  // What happened until the next subscription went unseen.
  if (sightings_ != nullptr) sightings_->complete = false;
  if (slow_) ++stats_.slow_reader_closes;
}

void Subscriber::OnFrame(const wire::ServerFrame& frame) {
  switch (frame.type) {
    case FrameType::kServerEvent:
      return OnEvent(frame.event);
    case FrameType::kQueryUpdate:
      ++stats_.query_updates_received;
      if (rows_) OnUpdate(frame.query_update);
      return;
    case FrameType::kQueryResp:
      if (snapshots_missing_ > 0) --snapshots_missing_;
      if (rows_) OnSnapshot(frame.query_resp);
      if (slow_ && snapshots_missing_ == 0) session_.StopReading();
      return;
    default:
      return;
  }
}

void Subscriber::OnEvent(const wire::EventView& event) {
  ++stats_.events_received;
  std::string_view value;
  if (event.record) value = event.record->value;
  if (event.or_record) value = event.or_record->value;
  if (!value.empty()) {
    // Values of earlier runs come back only as echoes of old operations; they would spoil the
    // times.
    const auto stamp = ValueMaker::Read(value);
    if (stamp && stamp->identity.run == context_.run()) {
      stats_.propagation.Record((context_.EpochUs(NowNs()) - stamp->sent_us) * 1000);
    }
  }
  if (sightings_ == nullptr) return;
  if (event.kind == OpKind::kOrAdd && event.or_record) Sight(event.or_record->tag, false);
  if (event.kind == OpKind::kOrRemove) Sight(event.or_tag, true);
}

LwwRows* Subscriber::RowsOf(std::string_view query_id) {
  for (size_t i = 0; i < maps_.size(); ++i) {
    if (context_.keys().maps()[maps_[i]].name == query_id) return &(*rows_)[i];
  }
  return nullptr;
}

void Subscriber::OnSnapshot(const wire::QueryRespFrame& snapshot) {
  LwwRows* const rows = RowsOf(snapshot.query_id);
  if (rows == nullptr) return;
  rows->clear();
  for (const wire::QueryRow& row : snapshot.results) {
    if (const auto key = KeySpace::KeyOf(row.key)) {
      rows->emplace(*key, ValueMaker::Read(row.value));
    }
  }
}

void Subscriber::OnUpdate(const wire::QueryUpdateFrame& update) {
  LwwRows* const rows = RowsOf(update.query_id);
  const auto key = KeySpace::KeyOf(update.key);
  if (rows == nullptr || !key) return;
  ++row_changes_;
  if (update.change == wire::ChangeType::kLeave) {
    rows->erase(*key);
  } else {
    (*rows)[*key] = ValueMaker::Read(update.value);
  }
}

void Subscriber::Sight(std::string_view tag, bool removed) {
  const auto identity = ParseTag(tag);
  if (!identity || identity->node.run != context_.run()) return;
  sightings_->tags.push_back(
      {identity->millis, static_cast<uint32_t>(identity->counter), identity->node.writer, removed});
}

}  // namespace topgun::loadgen
