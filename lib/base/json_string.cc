#include "base/json_string.h"

#include <algorithm>

namespace topgun {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Length of the well-formed UTF-8 sequence of two to four bytes at the start of `text`, or 0.
size_t MultibyteLength(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                        : lead >= 0xE0 && lead <= 0xEF ? 3
                        : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                       : 0;
  if (length == 0 || text.size() < length) return 0;
  if (!std::all_of(text.begin() + 1, text.begin() + static_cast<std::ptrdiff_t>(length),
                   IsContinuation)) {
    return 0;
  }
  // Overlong forms, surrogates and numbers past U+10FFFF differ from valid ones in the second byte.
  const auto second = static_cast<unsigned char>(text[1]);
  if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
      (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) {
    return 0;
  }
  return length;
}

void AppendEscapedAscii(std::string& out, char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      if (byte >= 0x20 && byte != 0x7F) {
        out += c;
      } else {
        out += "\\u00";
        out += kHex[byte >> 4];
        out += kHex[byte & 15];
      }
  }
}

}  // namespace

void AppendJsonString(std::string& out, std::string_view text) {
  const bool cut = text.size() > kJsonTextBytesMax;
  if (cut) text = text.substr(0, kJsonTextBytesMax);
  out += '"';
  while (!text.empty()) {
    size_t length = 1;
    if (static_cast<unsigned char>(text[0]) < 0x80) {
      AppendEscapedAscii(out, text[0]);
    } else if (length = MultibyteLength(text); length != 0) {
      out += text.substr(0, length);
    } else {
      out += kReplacement;
      length = 1;
    }
    text.remove_prefix(length);
  }
  if (cut) out += "...";
  out += '"';
}

}  // namespace topgun
