// What the subscribers of one live query have on show, as far as it takes to tell them what a
// change means (features.md 1.10): KnownKeys for queries without a limit, RankedWindow for those
// with one.
//
// A set is filled with the rows of a snapshot, in their order, and then follows the changes behind
// it. Pure; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "wire/server_frame.h"

namespace topgun::gateway {

// Memory of all result sets of a loop. Outlives them.
struct ResultBudget {
  const size_t bytes_max;
  size_t bytes = 0;         // in use
  uint64_t blind_sets = 0;  // sets that went on without knowing their rows

  bool Fits(size_t more) const { return bytes + more <= bytes_max; }
};

// Meanwhile the memory of a set that is about to be replaced counts as free.
class ResultLoan {
 public:
  ResultLoan(ResultBudget& budget, size_t bytes) : budget_(budget), bytes_(bytes) {
    budget_.bytes -= bytes_;
  }
  ~ResultLoan() { budget_.bytes += bytes_; }
  ResultLoan(const ResultLoan&) = delete;
  ResultLoan& operator=(const ResultLoan&) = delete;

 private:
  ResultBudget& budget_;
  const size_t bytes_;
};

// A row, as the query sees it after a change of its record.
struct RowChange {
  std::string_view key;
  bool selected = false;        // it is a row of the query
  bool was_live = false;        // there was a record before
  std::string_view rank = {};   // of a selected row, if the set wants it (query/sort_order.h)
  std::string_view value = {};  // of a selected row: what clients see of it
};

struct RowUpdate {
  wire::ChangeType change = wire::ChangeType::kUpdate;
  std::string key;
  std::string_view value;  // empty for LEAVE; valid until the set changes again
};
using RowUpdates = std::vector<RowUpdate>;

class ResultSet {
 public:
  virtual ~ResultSet() = default;

  // The next row of the snapshot. False: the memory is used up and the set of no use.
  virtual bool Add(std::string_view rank, std::string_view key, std::string_view value) = 0;
  // There are no more rows, or more than were read.
  virtual void Complete(bool has_more) = 0;

  // Appends what follows for those who have the rows on show, in the order LEAVE, ENTER, UPDATE.
  virtual void Apply(const RowChange& change, RowUpdates& updates) = 0;
  // Takes the place of an earlier set of the same query. Appends what those need who have the rows
  // of that one on show.
  virtual void Succeed(ResultSet& earlier, RowUpdates& updates) = 0;

  // The row may be on show, or become it without another change.
  virtual bool Holds(std::string_view key) const = 0;
  // Rows are missing that only a new snapshot tells.
  virtual bool wants_read() const = 0;
  // The memory does not suffice any more.
  virtual bool failed() const = 0;
  virtual size_t bytes() const = 0;
};

}  // namespace topgun::gateway
