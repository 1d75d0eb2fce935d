#include "crdt/js_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "crdt/utf16.h"
#include "msgpack/reader.h"

namespace topgun::crdt {
namespace {

using msgpack::Reader;
using msgpack::Type;

// Nothing JavaScript treats as an array index is longer or larger (2^32 - 2).
constexpr size_t kIndexDigitsMax = 10;
constexpr uint64_t kIndexMax = UINT32_MAX - 1;

std::optional<uint64_t> ArrayIndex(std::string_view key) {
  if (key.empty() || key.size() > kIndexDigitsMax) return std::nullopt;
  if (key.front() == '0' && key.size() > 1) return std::nullopt;
  uint64_t index = 0;
  const auto [stop, error] = std::from_chars(key.data(), key.data() + key.size(), index);
  if (error != std::errc() || stop != key.data() + key.size() || index > kIndexMax) {
    return std::nullopt;
  }
  return index;
}

bool CanonicalLess(std::string_view a, std::string_view b) {
  const std::optional<uint64_t> index_a = ArrayIndex(a);
  const std::optional<uint64_t> index_b = ArrayIndex(b);
  if (index_a && index_b) return *index_a < *index_b;
  if (index_a || index_b) return index_a.has_value();
  return Utf16Less(a, b);
}

bool IsHighSurrogate(uint32_t unit) { return unit >= 0xd800 && unit < 0xdc00; }
bool IsLowSurrogate(uint32_t unit) { return unit >= 0xdc00 && unit < 0xe000; }

void AppendUnicodeEscape(std::string& out, uint32_t unit) {
  constexpr char kDigits[] = "0123456789abcdef";
  out.append("\\u");
  for (int shift = 12; shift >= 0; shift -= 4) out.push_back(kDigits[(unit >> shift) & 15U]);
}

void AppendAscii(std::string& out, char c) {
  switch (c) {
    case '"':
      out.append("\\\"");
      return;
    case '\\':
      out.append("\\\\");
      return;
    case '\b':
      out.append("\\b");
      return;
    case '\t':
      out.append("\\t");
      return;
    case '\n':
      out.append("\\n");
      return;
    case '\f':
      out.append("\\f");
      return;
    case '\r':
      out.append("\\r");
      return;
    default:
      break;
  }
  if (static_cast<uint8_t>(c) < 0x20) {
    AppendUnicodeEscape(out, static_cast<uint8_t>(c));
  } else {
    out.push_back(c);
  }
}

// Appends the first character of `text`, which is not ASCII; returns the bytes it took.
size_t AppendWide(std::string& out, std::string_view text) {
  uint32_t character = 0;
  const size_t length = DecodeCharacter(text, &character);
  if (length == 1) {
    out.append("\xef\xbf\xbd");  // U+FFFD for a byte that is no UTF-8
    return 1;
  }
  if (IsHighSurrogate(character) && text.size() > length) {
    uint32_t next = 0;
    const size_t next_length = DecodeCharacter(text.substr(length), &next);
    if (IsLowSurrogate(next)) {  // two raw halves are one character again
      out.append(text.substr(0, length + next_length));
      return length + next_length;
    }
  }
  if (IsHighSurrogate(character) || IsLowSurrogate(character)) {
    AppendUnicodeEscape(out, character);
  } else {
    out.append(text.substr(0, length));
  }
  return length;
}

void AppendQuoted(std::string& out, std::string_view text) {
  out.push_back('"');
  while (!text.empty()) {
    if (static_cast<uint8_t>(text.front()) < 0x80) {
      AppendAscii(out, text.front());
      text.remove_prefix(1);
    } else {
      text.remove_prefix(AppendWide(out, text));
    }
  }
  out.push_back('"');
}

// Scalars as String(value) gives them; also the text of a map key that is not a string.
bool AppendScalar(std::string& out, Reader& reader) {
  bool flag = false;
  double number = 0;
  std::string_view text;
  switch (reader.Peek()) {
    case Type::kBool:
      if (!reader.ReadBool(&flag)) return false;
      out.append(flag ? "true" : "false");
      return true;
    case Type::kInt:
    case Type::kFloat:
      if (!reader.ReadNumber(&number)) return false;
      AppendNumberText(out, number);
      return true;
    case Type::kStr:
      if (!reader.ReadStr(&text)) return false;
      out.append(text);
      return true;
    default:
      out.append("null");
      return reader.Skip();
  }
}

// Which members of maps are written, and in which order.
class MemberRule {
 public:
  static MemberRule Canonical() { return MemberRule(Kind::kAll); }
  // The property list JSON.stringify gets for an array: its indices.
  static MemberRule Indices(uint32_t count) {
    MemberRule rule(Kind::kIndices);
    rule.count_ = count;
    return rule;
  }
  static MemberRule Names(std::vector<std::string> names) {
    MemberRule rule(Kind::kNames);
    std::sort(names.begin(), names.end(), Utf16Less);
    rule.names_ = std::move(names);
    return rule;
  }

  bool Keeps(std::string_view key) const {
    switch (kind_) {
      case Kind::kAll:
        return true;
      case Kind::kIndices:
        return ArrayIndex(key).value_or(count_) < count_;
      case Kind::kNames:
        return std::binary_search(names_.begin(), names_.end(), key, Utf16Less);
    }
    return false;
  }

  bool Before(std::string_view a, std::string_view b) const {
    return kind_ == Kind::kAll ? CanonicalLess(a, b) : Utf16Less(a, b);
  }

 private:
  enum class Kind : uint8_t { kAll, kIndices, kNames };

  explicit MemberRule(Kind kind) : kind_(kind) {}

  Kind kind_;
  uint64_t count_ = 0;
  std::vector<std::string> names_;  // sorted
};

// Writes JSON in one pass. Members are written as they come; only a map whose members stand in
// another order than the rule's is put together again afterwards.
class JsonText {
 public:
  JsonText(std::string& out, const MemberRule& rule) : out_(out), rule_(rule) {}

  bool AppendValue(Reader& reader, uint32_t depth) {
    if (depth > msgpack::kDepthMax) return false;
    double number = 0;
    std::string_view text;
    switch (reader.Peek()) {
      case Type::kMap:
        return AppendMap(reader, depth);
      case Type::kArray:
        return AppendArray(reader, depth);
      case Type::kStr:
        if (!reader.ReadStr(&text)) return false;
        AppendQuoted(out_, text);
        return true;
      case Type::kBin:
        out_.append("{}");
        return reader.Skip();
      case Type::kFloat:
        if (!reader.ReadNumber(&number)) return false;
        if (std::isfinite(number)) {
          AppendNumberText(out_, number);
        } else {
          out_.append("null");
        }
        return true;
      default:
        return AppendScalar(out_, reader);
    }
  }

 private:
  struct Member {
    std::string key;
    size_t begin;  // of `"key":value,` in out_
    size_t end;
  };

  bool AppendArray(Reader& reader, uint32_t depth) {
    uint32_t count = 0;
    if (!reader.ReadArrayHeader(&count)) return false;
    out_.push_back('[');
    for (uint32_t i = 0; i < count; ++i) {
      if (i > 0) out_.push_back(',');
      if (!AppendValue(reader, depth + 1)) return false;
    }
    out_.push_back(']');
    return true;
  }

  bool AppendMap(Reader& reader, uint32_t depth) {
    uint32_t count = 0;
    if (!reader.ReadMapHeader(&count)) return false;
    out_.push_back('{');
    std::vector<Member> members;
    for (uint32_t i = 0; i < count; ++i) {
      if (!AppendMember(reader, depth, &members)) return false;
    }
    Arrange(members);
    if (out_.back() == ',') out_.pop_back();
    out_.push_back('}');
    return true;
  }

  bool AppendMember(Reader& reader, uint32_t depth, std::vector<Member>* members) {
    std::string key;
    if (!AppendScalar(key, reader)) return false;
    // An extension reaches the client as undefined, which JSON leaves out.
    if (!rule_.Keeps(key) || reader.Peek() == Type::kExt) return reader.Skip();
    const size_t begin = out_.size();
    AppendQuoted(out_, key);
    out_.push_back(':');
    if (!AppendValue(reader, depth + 1)) return false;
    out_.push_back(',');
    members->push_back({std::move(key), begin, out_.size()});
    return true;
  }

  // Brings the members just written into the rule's order; of equal keys the last one wins.
  void Arrange(std::vector<Member>& members) {
    const auto before = [this](const Member& a, const Member& b) {
      return rule_.Before(a.key, b.key);
    };
    const auto misplaced = [&](const Member& a, const Member& b) { return !before(a, b); };
    if (std::adjacent_find(members.begin(), members.end(), misplaced) == members.end()) return;

    const size_t body = members.front().begin;
    std::stable_sort(members.begin(), members.end(), before);
    std::string arranged;
    arranged.reserve(out_.size() - body);
    for (size_t i = 0; i < members.size(); ++i) {
      if (i + 1 < members.size() && !before(members[i], members[i + 1])) continue;
      arranged.append(out_, members[i].begin, members[i].end - members[i].begin);
    }
    out_.replace(body, std::string::npos, arranged);
  }

  std::string& out_;
  const MemberRule& rule_;
};

bool ReadKeys(Reader reader, std::vector<std::string>* keys) {
  uint32_t count = 0;
  if (!reader.ReadMapHeader(&count)) return false;
  for (uint32_t i = 0; i < count; ++i) {
    keys->emplace_back();
    if (!AppendScalar(keys->back(), reader) || !reader.Skip()) return false;
  }
  return true;
}

bool AppendFilteredJson(std::string& out, Reader& reader) {
  if (reader.Peek() == Type::kArray) {
    uint32_t count = 0;
    if (!Reader(reader).ReadArrayHeader(&count)) return false;
    const MemberRule rule = MemberRule::Indices(count);
    return JsonText(out, rule).AppendValue(reader, 0);
  }
  std::vector<std::string> keys;
  if (!ReadKeys(reader, &keys)) return false;
  const MemberRule rule = MemberRule::Names(std::move(keys));
  return JsonText(out, rule).AppendValue(reader, 0);
}

}  // namespace

void AppendValueText(std::string& out, std::string_view value) {
  const size_t start = out.size();
  Reader reader(value);
  bool ok = false;
  switch (reader.Peek()) {
    case Type::kMap:
    case Type::kArray:
      ok = AppendFilteredJson(out, reader);
      break;
    case Type::kBin:
      out.append("{}");
      return;
    default:
      ok = AppendScalar(out, reader);
      break;
  }
  if (!ok) out.replace(start, std::string::npos, "null");
}

void AppendCanonicalJson(std::string& out, std::string_view value) {
  const size_t start = out.size();
  Reader reader(value);
  const MemberRule rule = MemberRule::Canonical();
  if (!JsonText(out, rule).AppendValue(reader, 0)) out.replace(start, std::string::npos, "null");
}

}  // namespace topgun::crdt
