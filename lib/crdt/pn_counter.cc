#include "crdt/pn_counter.h"

#include <cmath>
#include <utility>

#include "msgpack/reader.h"

namespace topgun::crdt {
namespace {

double Sum(const PnCounter::Amounts& amounts) {
  double sum = 0;
  for (const auto& [node, amount] : amounts) sum += amount;
  return sum;
}

bool MergeAmount(PnCounter::Amounts& local, std::string_view node, double amount) {
  const auto it = local.find(node);
  const double own = it == local.end() ? 0 : it->second;
  if (!std::isfinite(amount) || !(amount > own)) return false;
  if (it == local.end()) {
    local.emplace(node, amount);
  } else {
    it->second = amount;
  }
  return true;
}

bool MergeAmounts(PnCounter::Amounts& local, const PnCounter::Amounts& incoming) {
  bool changed = false;
  for (const auto& [node, amount] : incoming) changed |= MergeAmount(local, node, amount);
  return changed;
}

void EncodeAmounts(msgpack::Writer& writer, std::string_view name,
                   const PnCounter::Amounts& amounts) {
  writer.Str(name);
  writer.MapHeader(static_cast<uint32_t>(amounts.size()));
  for (const auto& [node, amount] : amounts) {
    writer.Str(node);
    writer.Number(amount);
  }
}

PnCounter::Amounts AmountsBeyond(const PnCounter::Amounts& amounts,
                                 const PnCounter::Amounts& other) {
  PnCounter::Amounts beyond;
  for (const auto& [node, amount] : amounts) {
    const auto it = other.find(node);
    const double known = it == other.end() ? 0 : it->second;
    if (std::isfinite(amount) && amount > known) beyond.emplace_hint(beyond.end(), node, amount);
  }
  return beyond;
}

// `left` is how many may come yet.
bool DecodeAmounts(msgpack::Reader& reader, uint64_t* left, PnCounter::Amounts* amounts) {
  uint32_t count = 0;
  if (!reader.ReadMapHeader(&count) || count > *left) return false;
  *left -= count;
  for (uint32_t i = 0; i < count; ++i) {
    std::string_view node;
    double amount = 0;
    if (!reader.ReadStr(&node) || !reader.ReadNumber(&amount)) return false;
    MergeAmount(*amounts, node, amount);
  }
  return true;
}

}  // namespace

PnCounter::PnCounter(Amounts positive, Amounts negative)
    : positive_(std::move(positive)), negative_(std::move(negative)) {}

double PnCounter::Add(std::string_view node, double delta) {
  if (delta != 0) {
    Amounts& side = delta > 0 ? positive_ : negative_;
    auto it = side.find(node);
    if (it == side.end()) it = side.emplace(node, 0).first;
    it->second += std::fabs(delta);
  }
  return Value();
}

bool PnCounter::Merge(const PnCounter& other) {
  const bool grew = MergeAmounts(positive_, other.positive_);
  const bool shrank = MergeAmounts(negative_, other.negative_);
  return grew || shrank;
}

bool PnCounter::Raise(std::string_view node, double positive, double negative) {
  const bool grew = MergeAmount(positive_, node, positive);
  const bool shrank = MergeAmount(negative_, node, negative);
  return grew || shrank;
}

PnCounter PnCounter::Beyond(const PnCounter& other) const {
  return {AmountsBeyond(positive_, other.positive_), AmountsBeyond(negative_, other.negative_)};
}

double PnCounter::Value() const { return Sum(positive_) - Sum(negative_); }

void PnCounter::Encode(msgpack::Writer& writer) const {
  writer.MapHeader(2);
  EncodeAmounts(writer, "p", positive_);
  EncodeAmounts(writer, "n", negative_);
}

void PnCounter::EncodeWire(msgpack::Writer& writer) const {
  writer.MapHeader(4);
  EncodeAmounts(writer, "p", positive_);
  EncodeAmounts(writer, "n", negative_);
  EncodeAmounts(writer, "positive", positive_);
  EncodeAmounts(writer, "negative", negative_);
}

StatusOr<PnCounter> PnCounter::Decode(std::string_view state, uint64_t amounts_max) {
  msgpack::Reader reader(state);
  PnCounter counter;
  uint32_t count = 0;
  uint64_t left = amounts_max;
  bool complete = true;
  reader.ReadMapHeader(&count);
  for (uint32_t i = 0; i < count && reader.ok() && complete; ++i) {
    std::string_view name;
    if (!reader.ReadStr(&name)) break;
    if (name == "p" || name == "positive") {
      complete = DecodeAmounts(reader, &left, &counter.positive_);
    } else if (name == "n" || name == "negative") {
      complete = DecodeAmounts(reader, &left, &counter.negative_);
    } else {
      reader.Skip();
    }
  }
  if (reader.ok() && !complete) return ResourceExhausted("counter state: too many amounts");
  if (!reader.ok() || !reader.AtEnd()) return InvalidArgument("not a counter state");
  return counter;
}

}  // namespace topgun::crdt
