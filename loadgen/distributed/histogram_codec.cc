#include "distributed/histogram_codec.h"

#include <algorithm>

namespace topgun::loadgen {

v1::Histogram ToProto(const Histogram& histogram) {
  const Histogram::Sparse sparse = histogram.ToSparse();
  v1::Histogram proto;
  for (const auto& [bucket, count] : sparse.buckets) {
    proto.add_buckets(bucket);
    proto.add_counts(count);
  }
  proto.set_min(sparse.min);
  proto.set_max(sparse.max);
  proto.set_sum(sparse.sum);
  return proto;
}

Histogram::Sparse FromProto(const v1::Histogram& proto) {
  Histogram::Sparse sparse;
  const int buckets = std::min(proto.buckets_size(), proto.counts_size());
  for (int i = 0; i < buckets; ++i) sparse.buckets.emplace_back(proto.buckets(i), proto.counts(i));
  sparse.min = proto.min();
  sparse.max = proto.max();
  sparse.sum = proto.sum();
  return sparse;
}

}  // namespace topgun::loadgen
