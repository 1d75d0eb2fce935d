// The rows of a query without a limit: the keys that its subscribers have on show.
//
// Of a key only a hash of 64 bits is kept. Should two keys of a set ever share one (once in about
// 10^7 sets of a million keys), a row may be shown for longer than it should.
//
// Beyond the memory the set goes on without keys: what a change means is then told by whether there
// was a record before. Clients are sent more than they need (a LEAVE for every change of a record
// that the query does not select), but never too little.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/container/flat_hash_set.h"
#include "live/result_set.h"

namespace topgun::gateway {

class KnownKeys final : public ResultSet {
 public:
  // At most so many keys, however much memory is left.
  KnownKeys(size_t keys_max, ResultBudget& budget) : keys_max_(keys_max), budget_(budget) {}
  ~KnownKeys() override { Clear(); }
  KnownKeys(const KnownKeys&) = delete;
  KnownKeys& operator=(const KnownKeys&) = delete;

  bool Add(std::string_view rank, std::string_view key, std::string_view value) override;
  void Complete(bool /*has_more*/) override {}
  void Apply(const RowChange& change, RowUpdates& updates) override;
  // The earlier keys stay: a snapshot is cut, and may be ahead of the changes that the others hear
  // of. Asks nothing to be sent.
  void Succeed(ResultSet& earlier, RowUpdates& updates) override;

  bool Holds(std::string_view key) const override;
  bool wants_read() const override { return false; }
  bool failed() const override { return false; }
  size_t bytes() const override { return keys_.size() * kKeyBytes; }

  bool blind() const { return blind_; }  // without keys

 private:
  static constexpr size_t kKeyBytes = 20;

  static uint64_t HashOf(std::string_view key);
  void Insert(uint64_t hash);
  void GoBlind();
  void Clear();

  const size_t keys_max_;
  ResultBudget& budget_;
  absl::flat_hash_set<uint64_t> keys_;
  bool blind_ = false;
};

}  // namespace topgun::gateway
