#include "dispatch/op_records.h"

namespace topgun::gateway {

OpRecord& OpRecords::Add(const wire::Op& op, uint64_t frame) {
  OpRecord& record = records_.emplace_back();
  record.frame = frame;
  record.has_id = op.has_id;
  record.id.assign(op.id);
  if (op.has_id) ++with_id_;
  return record;
}

void OpRecords::MarkUnusual(OpRecord& record) {
  if (record.unusual) return;
  record.unusual = true;
  ++unusual_;
}

void OpRecords::Trim() {
  if (!records_.empty()) return;
  records_.shrink_to_fit();
  if (in_flight_.empty()) in_flight_ = {};
  if (errors_.empty()) errors_ = {};
}

void OpRecords::Release(uint64_t first_frame) {
  while (!records_.empty()) {
    const OpRecord& record = records_.front();
    if (record.last_frame >= first_frame || record.uncommitted) return;
    if (record.has_id) --with_id_;
    if (record.unusual) {
      --unusual_;
      errors_.erase(first_);
    }
    if (const auto known = in_flight_.find(record.key);
        known != in_flight_.end() && known->second == first_) {
      in_flight_.erase(known);
    }
    records_.pop_front();
    ++first_;
  }
}

}  // namespace topgun::gateway
