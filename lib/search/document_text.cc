#include "search/document_text.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "msgpack/reader.h"

namespace topgun::search {
namespace {

constexpr size_t kNoText = SIZE_MAX;

// Texts that follow each other, linked so that whole values can change places at no cost.
struct Chain {
  size_t first = kNoText;
  size_t last = kNoText;
};

class Collector {
 public:
  explicit Collector(std::string_view value) : reader_(value) {}

  std::vector<std::string_view> Collect() {
    std::vector<std::string_view> texts;
    texts.reserve(links_.size());
    for (size_t at = Read(0).first; at != kNoText; at = links_[at].next) {
      texts.push_back(links_[at].text);
    }
    return texts;
  }

 private:
  struct Link {
    std::string_view text;
    size_t next = kNoText;
  };
  struct Entry {
    std::string_view key;
    Chain texts;
  };

  // What is read is no deeper than the reader allows.
  Chain Read(uint32_t depth) {
    switch (depth > msgpack::kDepthMax ? msgpack::Type::kInvalid : reader_.Peek()) {
      case msgpack::Type::kStr:
        return ReadText();
      case msgpack::Type::kArray:
        return ReadArray(depth);
      case msgpack::Type::kMap:
        return ReadMap(depth);
      default:
        reader_.Skip(depth);
        return {};
    }
  }

  Chain ReadText() {
    std::string_view text;
    if (!reader_.ReadStr(&text) || text.empty()) return {};
    links_.push_back({.text = text});
    return {.first = links_.size() - 1, .last = links_.size() - 1};
  }

  Chain ReadArray(uint32_t depth) {
    uint32_t count = 0;
    Chain chain;
    if (!reader_.ReadArrayHeader(&count)) return chain;
    for (uint32_t i = 0; i < count && reader_.ok(); ++i) Append(chain, Read(depth + 1));
    return chain;
  }

  Chain ReadMap(uint32_t depth) {
    uint32_t count = 0;
    Chain chain;
    if (!reader_.ReadMapHeader(&count)) return chain;
    std::vector<Entry> entries;
    for (uint32_t i = 0; i < count && reader_.ok(); ++i) {
      const std::string_view key = ReadKey();
      const Chain texts = Read(depth + 1);
      entries.push_back({.key = key, .texts = texts});
    }
    const auto before = [](const Entry& a, const Entry& b) { return a.key < b.key; };
    if (!std::is_sorted(entries.begin(), entries.end(), before)) {
      std::stable_sort(entries.begin(), entries.end(), before);
    }
    for (size_t i = 0; i < entries.size(); ++i) {
      // The last of equal keys counts.
      const bool again = i + 1 < entries.size() && entries[i + 1].key == entries[i].key;
      if (!again) Append(chain, entries[i].texts);
    }
    return chain;
  }

  std::string_view ReadKey() {
    std::string_view key;
    if (reader_.Peek() == msgpack::Type::kStr) {
      reader_.ReadStr(&key);
    } else {
      reader_.ReadRaw(&key);
    }
    return key;
  }

  void Append(Chain& chain, const Chain& more) {
    if (more.first == kNoText) return;
    if (chain.first == kNoText) {
      chain = more;
      return;
    }
    links_[chain.last].next = more.first;
    chain.last = more.last;
  }

  msgpack::Reader reader_;
  std::vector<Link> links_;
};

}  // namespace

std::vector<std::string_view> TextsOf(std::string_view value) { return Collector(value).Collect(); }

}  // namespace topgun::search
