#include "support/vectors.h"

#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <stdexcept>

namespace topgun::support {
namespace {

namespace json = boost::json;

uint8_t HexDigit(char c) {
  if (c >= '0' && c <= '9') return static_cast<uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<uint8_t>(c - 'A' + 10);
  throw std::invalid_argument("not a hex digit");
}

// The unit of a "\uXXXX" escape at `position`, -1 if there is none.
int EscapedUnit(std::string_view text, size_t position) {
  if (position + 6 > text.size() || text.substr(position, 2) != "\\u") return -1;
  int unit = 0;
  for (size_t i = 2; i < 6; ++i) unit = unit * 16 + HexDigit(text[position + i]);
  return unit;
}

bool IsHigh(int unit) { return unit >= 0xd800 && unit < 0xdc00; }
bool IsLow(int unit) { return unit >= 0xdc00 && unit < 0xe000; }

// Replaces the escapes of lone surrogates by that of U+FFFD.
std::string WithoutLoneSurrogates(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    size_t length = 1;
    const int unit = EscapedUnit(text, i);
    if (text[i] == '\\') length = unit >= 0 ? 6 : 2;
    if (IsHigh(unit) && IsLow(EscapedUnit(text, i + 6))) length = 12;
    if (length == 6 && (IsHigh(unit) || IsLow(unit))) {
      out.append("\\ufffd");
    } else {
      out.append(text.substr(i, length));
    }
    i += length;
  }
  return out;
}

// NOLINTBEGIN(readability-identifier-naming): the parser asks for these names.

// Builds a json::value like Boost's own handler, but reads fractions with from_chars.
class ExactHandler {
 public:
  static constexpr size_t max_object_size = json::object::max_size();
  static constexpr size_t max_array_size = json::array::max_size();
  static constexpr size_t max_key_size = json::string::max_size();
  static constexpr size_t max_string_size = json::string::max_size();

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return true; }
  bool on_object_end(size_t count, json::error_code&) {
    stack.push_object(count);
    return true;
  }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(size_t count, json::error_code&) {
    stack.push_array(count);
    return true;
  }
  bool on_key_part(json::string_view part, size_t, json::error_code&) {
    stack.push_chars(part);
    return true;
  }
  bool on_key(json::string_view part, size_t, json::error_code&) {
    stack.push_key(part);
    return true;
  }
  bool on_string_part(json::string_view part, size_t, json::error_code&) {
    stack.push_chars(part);
    return true;
  }
  bool on_string(json::string_view part, size_t, json::error_code&) {
    stack.push_string(part);
    return true;
  }
  bool on_number_part(json::string_view part, json::error_code&) {
    number_.append(part.data(), part.size());
    return true;
  }
  bool on_int64(int64_t value, json::string_view, json::error_code&) {
    number_.clear();
    stack.push_int64(value);
    return true;
  }
  bool on_uint64(uint64_t value, json::string_view, json::error_code&) {
    number_.clear();
    stack.push_uint64(value);
    return true;
  }
  bool on_double(double, json::string_view part, json::error_code&) {
    number_.append(part.data(), part.size());
    double value = 0;
    std::from_chars(number_.data(), number_.data() + number_.size(), value);
    number_.clear();
    stack.push_double(value);
    return true;
  }
  bool on_bool(bool value, json::error_code&) {
    stack.push_bool(value);
    return true;
  }
  bool on_null(json::error_code&) {
    stack.push_null();
    return true;
  }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

  json::value_stack stack;

 private:
  std::string number_;
};

// NOLINTEND(readability-identifier-naming)

void Encode(msgpack::Writer& writer, const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return writer.Nil();
    case json::kind::bool_:
      return writer.Bool(value.get_bool());
    case json::kind::int64:
      return writer.Int(value.get_int64());
    case json::kind::uint64:
      return writer.Uint(value.get_uint64());
    case json::kind::double_:
      return writer.Number(value.get_double());
    case json::kind::string:
      return writer.Str(Text(value));
    case json::kind::array:
      writer.ArrayHeader(static_cast<uint32_t>(value.get_array().size()));
      for (const json::value& item : value.get_array()) Encode(writer, item);
      return;
    case json::kind::object:
      writer.MapHeader(static_cast<uint32_t>(value.get_object().size()));
      for (const auto& member : value.get_object()) {
        writer.Str({member.key().data(), member.key().size()});
        Encode(writer, member.value());
      }
      return;
  }
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

const json::value& LoadVectors(const std::string& file_name) {
  static std::mutex mutex;
  static std::map<std::string, json::value> files;
  const std::lock_guard lock(mutex);
  const auto found = files.find(file_name);
  if (found != files.end()) return found->second;
  json::value parsed = ParseJson(ReadFile(std::string(TOPGUN_VECTORS_DIR) + "/" + file_name));
  return files.emplace(file_name, std::move(parsed)).first->second;
}

json::value ParseJson(std::string_view text) {
  const std::string safe = WithoutLoneSurrogates(text);
  json::basic_parser<ExactHandler> parser{json::parse_options{}};
  parser.handler().stack.reset();
  json::error_code error;
  const size_t used = parser.write_some(false, safe.data(), safe.size(), error);
  if (error) throw std::runtime_error("JSON: " + error.message());
  if (safe.find_first_not_of(" \t\r\n", used) != std::string::npos) {
    throw std::runtime_error("JSON: text after the value");
  }
  return parser.handler().stack.release();
}

std::string ToMsgpack(const json::value& value, msgpack::Rendering rendering) {
  std::string out;
  msgpack::Writer writer(out, rendering);
  Encode(writer, value);
  return out;
}

std::string FromHex(std::string_view hex) {
  if (hex.size() % 2 != 0) throw std::invalid_argument("odd number of hex digits");
  std::string bytes;
  bytes.reserve(hex.size() / 2);
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(HexDigit(hex[i]) * 16 + HexDigit(hex[i + 1])));
  }
  return bytes;
}

std::string Utf8FromUtf16Hex(std::string_view hex) {
  const std::string bytes = FromHex(hex);
  const auto unit_at = [&bytes](size_t i) {
    if (i + 1 >= bytes.size()) return 0;
    return static_cast<uint8_t>(bytes[i]) + static_cast<uint8_t>(bytes[i + 1]) * 256;
  };
  const auto tail = [](int bits) { return static_cast<char>(0x80 | (bits & 0x3f)); };
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    int point = unit_at(i);
    if (IsHigh(point) && IsLow(unit_at(i + 2))) {
      point = 0x10000 + (point - 0xd800) * 0x400 + (unit_at(i + 2) - 0xdc00);
      i += 2;
    }
    if (point < 0x80) {
      out.push_back(static_cast<char>(point));
    } else if (point < 0x800) {
      out.append({static_cast<char>(0xc0 | (point >> 6)), tail(point)});
    } else if (point < 0x10000) {
      out.append({static_cast<char>(0xe0 | (point >> 12)), tail(point >> 6), tail(point)});
    } else {
      out.append({static_cast<char>(0xf0 | (point >> 18)), tail(point >> 12), tail(point >> 6),
                  tail(point)});
    }
  }
  return out;
}

std::string_view Text(const json::value& value) {
  const json::string& text = value.as_string();
  return {text.data(), text.size()};
}

}  // namespace topgun::support
