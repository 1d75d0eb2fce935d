#include "scorer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace topgun::search {
namespace {

using Scorers = std::vector<std::unique_ptr<Scorer>>;
using Node = SearchQuery::Node;
using Occur = SearchQuery::Occur;

// The first slot on which all agree.
template <typename Each>
uint32_t SeekAll(std::vector<Each>& scorers, uint32_t from, uint32_t end) {
  uint32_t slot = from;
  for (size_t at = 0, agreed = 0; agreed < scorers.size(); at = (at + 1) % scorers.size()) {
    const uint32_t found = scorers[at]->Seek(slot, end);
    if (found >= end) return found;
    agreed = found == slot ? agreed + 1 : 1;
    slot = found;
  }
  return slot;
}

class TermScorer final : public Scorer {
 public:
  TermScorer(Scoring& scoring, uint32_t term, double boost)
      : scoring_(scoring), weight_(scoring.statistics.Idf(term) * boost) {
    postings_ = scoring.index.Find(scoring.query.terms()[term]);
    if (postings_ != nullptr) at_ = postings_->begin();
  }

  uint32_t Seek(uint32_t from, uint32_t /*end*/) override {
    ++scoring_.steps;
    if (postings_ == nullptr) return kNoSlot;
    for (int i = 0; i < kNear && at_ != postings_->end() && at_->first < from; ++i) ++at_;
    if (at_ != postings_->end() && at_->first < from) at_ = postings_->lower_bound(from);
    return at_ == postings_->end() ? kNoSlot : at_->first;
  }

  double Score() override {
    return Bm25(weight_, at_->second, scoring_.index.LengthOf(at_->first),
                scoring_.statistics.average_length());
  }

 private:
  static constexpr int kNear = 8;  // so many are passed one by one

  Scoring& scoring_;
  const double weight_;
  const SearchIndex::Postings* postings_ = nullptr;
  SearchIndex::Postings::const_iterator at_;
};

// Several tokens that follow each other: scored like a term that is as rare as all of them.
class PhraseScorer final : public Scorer {
 public:
  PhraseScorer(Scoring& scoring, const Node& node) : scoring_(scoring), boost_(node.boost) {
    for (const SearchQuery::PhraseToken& token : node.phrase) {
      weight_ += boost_ * scoring.statistics.Idf(token.term);
      const uint32_t number = scoring.index.NumberOf(scoring.query.terms()[token.term]);
      pattern_.push_back({.number = number, .offset = token.offset});
      terms_.push_back(std::make_unique<TermScorer>(scoring, token.term, boost_));
    }
  }

  uint32_t Seek(uint32_t from, uint32_t end) override {
    if (slot_ >= end || (frequency_ > 0 && slot_ >= from)) return slot_;
    slot_ = std::max(from, slot_);
    for (;; ++slot_) {
      frequency_ = 0;
      slot_ = SeekAll(terms_, slot_, end);
      if (slot_ >= end) return slot_;
      frequency_ = CountIn(slot_);
      if (frequency_ > 0) return slot_;
    }
  }

  double Score() override {
    return Bm25(weight_, frequency_, scoring_.index.LengthOf(slot_),
                scoring_.statistics.average_length());
  }

 private:
  struct Place {
    uint32_t number = SearchIndex::kGap;
    uint32_t offset = 0;
  };

  uint32_t CountIn(uint32_t slot) {
    sequence_.clear();
    ByteCursor cursor(scoring_.index.SequenceOf(slot));
    while (!cursor.AtEnd()) sequence_.push_back(static_cast<uint32_t>(cursor.ReadVarint()));
    scoring_.steps += sequence_.size();
    uint32_t count = 0;
    for (size_t start = 0; start + pattern_.back().offset < sequence_.size(); ++start) {
      const bool here = std::all_of(pattern_.begin(), pattern_.end(), [&](const Place& place) {
        return sequence_[start + place.offset] == place.number;
      });
      if (here) ++count;
    }
    return count;
  }

  Scoring& scoring_;
  const double boost_;
  double weight_ = 0;
  std::vector<Place> pattern_;
  std::vector<std::unique_ptr<TermScorer>> terms_;
  std::vector<uint32_t> sequence_;
  uint32_t slot_ = 0;
  uint32_t frequency_ = 0;  // 0: slot_ is no match
};

class GroupScorer final : public Scorer {
 public:
  explicit GroupScorer(double boost) : boost_(boost) {}

  void Add(Occur occur, std::unique_ptr<Scorer> scorer) {
    ListOf(occur).push_back(std::move(scorer));
  }

  uint32_t Seek(uint32_t from, uint32_t end) override {
    if (slot_ >= end || (matches_ && slot_ >= from)) return slot_;
    slot_ = std::max(from, slot_);
    for (;; ++slot_) {
      slot_ = required_.empty() ? SeekAny(slot_, end) : SeekAll(required_, slot_, end);
      matches_ = slot_ < end && !IsExcluded(slot_);
      if (slot_ >= end || matches_) return slot_;
    }
  }

  double Score() override {
    double score = 0;
    for (const auto& scorer : required_) score += scorer->Score();
    for (const auto& scorer : optional_) {
      if (scorer->Seek(slot_, slot_ + 1) == slot_) score += scorer->Score();
    }
    return score * boost_;
  }

 private:
  Scorers& ListOf(Occur occur) {
    switch (occur) {
      case Occur::kRequired:
        return required_;
      case Occur::kExcluded:
        return excluded_;
      default:
        return optional_;
    }
  }

  uint32_t SeekAny(uint32_t from, uint32_t end) {
    uint32_t first = kNoSlot;
    for (const auto& scorer : optional_) first = std::min(first, scorer->Seek(from, end));
    return first;
  }

  bool IsExcluded(uint32_t slot) {
    return std::any_of(excluded_.begin(), excluded_.end(),
                       [slot](const auto& scorer) { return scorer->Seek(slot, slot + 1) == slot; });
  }

  const double boost_;
  Scorers required_;
  Scorers optional_;
  Scorers excluded_;
  uint32_t slot_ = 0;
  bool matches_ = false;
};

}  // namespace

std::unique_ptr<Scorer> MakeScorer(Scoring& scoring) {
  Scorers made;  // by node
  for (const Node& node : scoring.query.nodes()) {
    if (node.phrase.size() == 1) {
      made.push_back(std::make_unique<TermScorer>(scoring, node.phrase.front().term, node.boost));
    } else if (!node.phrase.empty()) {
      made.push_back(std::make_unique<PhraseScorer>(scoring, node));
    } else {
      auto group = std::make_unique<GroupScorer>(node.boost);
      for (const SearchQuery::Clause& clause : node.clauses) {
        group->Add(clause.occur, std::move(made[clause.node]));
      }
      made.push_back(std::move(group));
    }
  }
  return made.empty() ? nullptr : std::move(made.back());
}

}  // namespace topgun::search
