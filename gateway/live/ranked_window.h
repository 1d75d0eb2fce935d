// The rows of a query with a limit: the best ones, of which the first are on show, the page, and
// the others wait in reserve until they move up.
//
// The set knows every row up to some rank and nothing of the rows beyond. So a row that arrives or
// moves within is placed; one beyond is forgotten; and when rows leave, the reserve fills the page.
// When little of the reserve is left and there are rows beyond, the window wants to be read again.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "live/result_set.h"

namespace topgun::gateway {

class RankedWindow final : public ResultSet {
 public:
  // `limit` rows are on show; after a change there are at most twice as many as `reserve` behind.
  RankedWindow(size_t limit, size_t reserve, ResultBudget& budget)
      : limit_(limit), reserve_(reserve), budget_(budget), edge_(rows_.end()) {}
  ~RankedWindow() override { budget_.bytes -= bytes_; }
  RankedWindow(const RankedWindow&) = delete;
  RankedWindow& operator=(const RankedWindow&) = delete;

  bool Add(std::string_view rank, std::string_view key, std::string_view value) override;
  void Complete(bool has_more) override;
  void Apply(const RowChange& change, RowUpdates& updates) override;
  void Succeed(ResultSet& earlier, RowUpdates& updates) override;

  bool Holds(std::string_view key) const override { return by_key_.contains(key); }
  bool wants_read() const override { return !complete_ && rows_.size() < enough_; }
  bool failed() const override { return failed_; }
  size_t bytes() const override { return bytes_; }
  size_t size() const { return rows_.size(); }  // with the reserve

 private:
  struct Row {
    std::string key;
    std::string value;
  };
  using Rows = std::map<std::string, Row, std::less<>>;  // by rank

  static size_t BytesOf(std::string_view rank, const Row& row);

  bool Knows(std::string_view rank) const { return complete_ || rank <= known_upto_; }
  bool IsShown(Rows::const_iterator row) const {
    return edge_ == rows_.end() || row->first < edge_->first;
  }
  // Of the key on this page, or null.
  const std::string* ShownValueOf(std::string_view key) const;
  // The row that moves into the page for it, or the end.
  Rows::iterator Erase(Rows::iterator row);
  // Sets `pushed_out` to the row that moves out of the page for it, if any.
  Rows::iterator Insert(const RowChange& change, Rows::iterator* pushed_out);
  void Charge(size_t bytes, size_t credit);
  void Trim();
  void EraseLast();

  const size_t limit_;
  const size_t reserve_;
  ResultBudget& budget_;
  Rows rows_;
  std::unordered_map<std::string_view, Rows::iterator> by_key_;  // the keys are those of rows_
  Rows::iterator edge_;                                          // the first row behind the page
  bool complete_ = true;                                         // there are no rows beyond
  std::string known_upto_;                                       // rank, unless complete
  size_t enough_ = 0;  // rows; with fewer it wants to be read
  size_t bytes_ = 0;
  bool failed_ = false;
};

}  // namespace topgun::gateway
