#include "json/msgpack_json.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <cstdint>

#include "base/bytes.h"
#include "crdt/utf16.h"
#include "msgpack/reader.h"
#include "msgpack/writer.h"

namespace topgun::gateway {
namespace {

namespace json = boost::json;

constexpr double kExactMax = 9'007'199'254'740'992;  // 2^53
constexpr std::string_view kReplacement = "\xef\xbf\xbd";

json::string_view View(std::string_view text) { return {text.data(), text.size()}; }
std::string_view Text(const json::string& text) { return {text.data(), text.size()}; }

json::value Next(msgpack::Reader& reader);

json::value NextInt(msgpack::Reader& reader) {
  msgpack::Reader signed_reader = reader;
  int64_t number = 0;
  if (signed_reader.ReadInt64(&number)) {
    reader = signed_reader;
    return number;
  }
  uint64_t large = 0;
  reader.ReadUint64(&large);
  return large;
}

json::value NextFloat(msgpack::Reader& reader) {
  double number = 0;
  reader.ReadNumber(&number);
  if (!std::isfinite(number)) return nullptr;
  if (number == std::trunc(number) && std::abs(number) <= kExactMax) {
    return static_cast<int64_t>(number);
  }
  return number;
}

json::value NextArray(msgpack::Reader& reader) {
  uint32_t count = 0;
  reader.ReadArrayHeader(&count);
  json::array array;
  for (uint32_t i = 0; i < count && reader.ok(); ++i) array.push_back(Next(reader));
  return array;
}

json::value NextMap(msgpack::Reader& reader) {
  uint32_t count = 0;
  reader.ReadMapHeader(&count);
  json::object object;
  for (uint32_t i = 0; i < count && reader.ok(); ++i) {
    const json::value key = Next(reader);
    const json::string name =
        key.is_string() ? key.get_string() : json::string(json::serialize(key));
    object[name] = Next(reader);
  }
  return object;
}

json::value Next(msgpack::Reader& reader) {
  bool flag = false;
  int8_t type = 0;
  std::string_view bytes;
  switch (reader.Peek()) {
    case msgpack::Type::kBool:
      reader.ReadBool(&flag);
      return flag;
    case msgpack::Type::kInt:
      return NextInt(reader);
    case msgpack::Type::kFloat:
      return NextFloat(reader);
    case msgpack::Type::kStr:
      reader.ReadStr(&bytes);
      return json::string(View(ReadableText(bytes)));
    case msgpack::Type::kBin:
      reader.ReadBin(&bytes);
      return json::object{{"$hex", ToHex(bytes)}};
    case msgpack::Type::kExt:
      reader.ReadExt(&type, &bytes);
      return json::object{{"$ext", type}, {"$hex", ToHex(bytes)}};
    case msgpack::Type::kArray:
      return NextArray(reader);
    case msgpack::Type::kMap:
      return NextMap(reader);
    case msgpack::Type::kNil:
    case msgpack::Type::kInvalid:
      break;
  }
  reader.Skip();
  return nullptr;
}

void Append(const json::value& value, msgpack::Writer& writer) {
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
      return writer.Str(Text(value.get_string()));
    case json::kind::array:
      writer.ArrayHeader(static_cast<uint32_t>(value.get_array().size()));
      for (const json::value& element : value.get_array()) Append(element, writer);
      return;
    case json::kind::object:
      writer.MapHeader(static_cast<uint32_t>(value.get_object().size()));
      for (const auto& member : value.get_object()) {
        writer.Str({member.key().data(), member.key().size()});
        Append(member.value(), writer);
      }
      return;
  }
}

}  // namespace

json::value ToJson(std::string_view msgpack) {
  if (!msgpack::Validate(msgpack).ok()) return nullptr;
  msgpack::Reader reader(msgpack);
  return Next(reader);
}

std::string ReadableText(std::string_view text) {
  std::string readable;
  readable.reserve(text.size());
  while (!text.empty()) {
    uint32_t character = 0;
    const size_t size = crdt::DecodeCharacter(text, &character);
    const bool surrogate = character >= 0xd800 && character <= 0xdfff;
    const bool broken = size == 1 && character == crdt::kReplacementCharacter;
    readable.append(surrogate || broken ? kReplacement : text.substr(0, size));
    text.remove_prefix(size);
  }
  return readable;
}

void AppendMsgpack(const json::value& value, std::string& out) {
  msgpack::Writer writer(out);
  Append(value, writer);
}

}  // namespace topgun::gateway
