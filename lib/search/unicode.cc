#include "unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>

#include "other_alphabetic.h"

namespace topgun::search {
namespace {

// The one letter whose small form is two characters.
constexpr int32_t kDottedI = 0x130;

bool IsOtherAlphabetic(int32_t code_point) {
  const auto* const range =
      std::lower_bound(kOtherAlphabetic.begin(), kOtherAlphabetic.end(), code_point,
                       [](const CodePointRange& each, int32_t value) { return each.last < value; });
  return range != kOtherAlphabetic.end() && range->first <= code_point;
}

}  // namespace

CodePoint LongCodePointAt(std::string_view text, size_t at) {
  utf8proc_int32_t value = -1;
  const utf8proc_ssize_t size =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at,
                       static_cast<utf8proc_ssize_t>(text.size() - at), &value);
  if (size <= 0) return {};
  return {.value = value, .size = static_cast<size_t>(size)};
}

bool IsAlphanumeric(int32_t code_point) {
  if (code_point < 0x80) {
    const int32_t lower = code_point | 0x20;
    return (lower >= 'a' && lower <= 'z') || (code_point >= '0' && code_point <= '9');
  }
  switch (utf8proc_category(code_point)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return true;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_SO:
      return IsOtherAlphabetic(code_point);
    default:
      return false;
  }
}

bool IsSpace(int32_t code_point) {
  if (code_point < 0x80) return code_point == ' ' || (code_point >= 9 && code_point <= 13);
  if (code_point == 0x85) return true;  // next line
  const utf8proc_category_t category = utf8proc_category(code_point);
  return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
         category == UTF8PROC_CATEGORY_ZP;
}

void AppendLower(int32_t code_point, std::string& out) {
  if (code_point < 0x80) {
    const bool upper = code_point >= 'A' && code_point <= 'Z';
    return out.push_back(static_cast<char>(upper ? code_point | 0x20 : code_point));
  }
  if (code_point == kDottedI) {
    out.append("i\xcc\x87");
    return;
  }
  std::array<utf8proc_uint8_t, 4> bytes{};
  const utf8proc_ssize_t size = utf8proc_encode_char(utf8proc_tolower(code_point), bytes.data());
  out.append(reinterpret_cast<const char*>(bytes.data()), static_cast<size_t>(size));
}

}  // namespace topgun::search
