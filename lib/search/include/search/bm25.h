// How well a record answers a query: BM25 (features.md 7.2), in doubles over exact lengths. Pure.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace topgun::search {

inline constexpr double kBm25K1 = 1.2;
inline constexpr double kBm25B = 0.75;

// What scores depend on beside the record. Those of the parts of a map add up to that of the whole.
struct Statistics {
  uint64_t documents = 0;
  uint64_t tokens = 0;              // of all documents
  std::vector<uint64_t> with_term;  // documents, per term of a query

  void Add(const Statistics& part) {
    documents += part.documents;
    tokens += part.tokens;
    if (with_term.size() < part.with_term.size()) with_term.resize(part.with_term.size());
    for (size_t i = 0; i < part.with_term.size(); ++i) with_term[i] += part.with_term[i];
  }

  double Idf(uint32_t term) const {
    const auto n = static_cast<double>(with_term[term]);
    return std::log(1 + (static_cast<double>(documents) - n + 0.5) / (n + 0.5));
  }
  double average_length() const {
    return documents == 0 ? 1 : static_cast<double>(tokens) / static_cast<double>(documents);
  }
};

// Of a term, or a phrase, that is `frequency` times in a document of `length` tokens.
inline double Bm25(double idf, double frequency, double length, double average_length) {
  const double norm = kBm25K1 * (1 - kBm25B + kBm25B * length / average_length);
  return idf * (kBm25K1 + 1) * frequency / (frequency + norm);
}

}  // namespace topgun::search
