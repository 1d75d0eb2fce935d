#include "stats/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace topgun::loadgen {
namespace {

constexpr unsigned kSubBucketBits = 7;
constexpr uint64_t kSubBuckets = uint64_t{1} << kSubBucketBits;
constexpr unsigned kValueBits = 42;  // 2^42 ns are 73 minutes
constexpr size_t kBuckets = (kValueBits - kSubBucketBits + 1) * kSubBuckets;

}  // namespace

// Values below 2^7 have a bucket each; above, the 7 bits after the leading one select it.
size_t Histogram::IndexOf(uint64_t value) {
  if (value < kSubBuckets) return value;
  const unsigned exponent = static_cast<unsigned>(std::bit_width(value)) - 1;
  const unsigned shift = exponent - kSubBucketBits;
  const uint64_t sub_bucket = (value >> shift) - kSubBuckets;
  return std::min<size_t>((shift + 1) * kSubBuckets + sub_bucket, kBuckets - 1);
}

uint64_t Histogram::UpperEdgeOf(size_t index) {
  if (index < kSubBuckets) return index;
  const size_t shift = index / kSubBuckets - 1;
  const uint64_t lower = (kSubBuckets + index % kSubBuckets) << shift;
  return lower + (uint64_t{1} << shift) - 1;
}

int64_t Histogram::UpperEdge(int64_t value) {
  return static_cast<int64_t>(
      UpperEdgeOf(IndexOf(static_cast<uint64_t>(std::max<int64_t>(value, 0)))));
}

void Histogram::Record(int64_t value, uint64_t count) {
  if (count == 0) return;
  if (buckets_.empty()) buckets_.resize(kBuckets);
  value = std::max<int64_t>(value, 0);
  buckets_[IndexOf(static_cast<uint64_t>(value))] += count;
  count_ += count;
  max_ = std::max(max_, value);
  min_ = std::min(min_, value);
  sum_ += static_cast<double>(value) * static_cast<double>(count);
}

void Histogram::Merge(const Histogram& other) {
  if (other.count_ == 0) return;
  if (buckets_.empty()) buckets_.resize(kBuckets);
  for (size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
  min_ = std::min(min_, other.min_);
  sum_ += other.sum_;
}

void Histogram::Clear() { *this = Histogram(); }

double Histogram::Mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

int64_t Histogram::Percentile(double percent) const {
  if (count_ == 0) return 0;
  const double exact = std::ceil(percent / 100.0 * static_cast<double>(count_));
  const uint64_t rank = std::clamp<uint64_t>(static_cast<uint64_t>(exact), 1, count_);
  uint64_t seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    // The last bucket is open to the top; only max() is known about what is in it.
    if (seen >= rank && i + 1 < kBuckets) {
      return std::min(static_cast<int64_t>(UpperEdgeOf(i)), max_);
    }
  }
  return max_;
}

std::vector<Histogram::Bucket> Histogram::Buckets() const {
  std::vector<Bucket> filled;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    if (buckets_[i] == 0) continue;
    const int64_t edge = i + 1 == kBuckets ? max_ : static_cast<int64_t>(UpperEdgeOf(i));
    filled.push_back({edge, buckets_[i]});
  }
  return filled;
}

Histogram::Sparse Histogram::ToSparse() const {
  Sparse sparse{{}, min(), max_, sum_};
  for (size_t i = 0; i < buckets_.size(); ++i) {
    if (buckets_[i] > 0) sparse.buckets.emplace_back(static_cast<uint32_t>(i), buckets_[i]);
  }
  return sparse;
}

void Histogram::Merge(const Sparse& other) {
  for (const auto& [index, count] : other.buckets) {
    if (index >= kBuckets || count == 0) continue;
    if (buckets_.empty()) buckets_.resize(kBuckets);
    buckets_[index] += count;
    count_ += count;
  }
  if (other.buckets.empty()) return;
  max_ = std::max(max_, other.max);
  min_ = std::min(min_, other.min);
  sum_ += other.sum;
}

}  // namespace topgun::loadgen
