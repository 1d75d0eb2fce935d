// MessagePack as JSON, for comparing frames with the golden messages. Whole numbers become int64
// whatever their form, as the protocol treats them.
#pragma once

#include <boost/json.hpp>
#include <cmath>
#include <stdexcept>
#include <string>
#include <string_view>

#include "msgpack/reader.h"

namespace topgun::msgpack {

inline boost::json::string JsonText(std::string_view text) {
  return boost::json::string(text.data(), text.size());
}

inline boost::json::value NextAsJson(Reader& reader) {
  namespace json = boost::json;
  uint32_t count = 0;
  switch (reader.Peek()) {
    case Type::kNil:
      reader.ReadNil();
      return nullptr;
    case Type::kBool: {
      bool value = false;
      reader.ReadBool(&value);
      return value;
    }
    case Type::kInt:
    case Type::kFloat: {
      double number = 0;
      reader.ReadNumber(&number);
      if (number != std::trunc(number) || std::abs(number) > 9007199254740992.0) return number;
      return static_cast<int64_t>(number);
    }
    case Type::kStr: {
      std::string_view text;
      reader.ReadStr(&text);
      return JsonText(text);
    }
    case Type::kArray: {
      json::array array;
      if (!reader.ReadArrayHeader(&count)) break;
      for (uint32_t i = 0; i < count; ++i) array.push_back(NextAsJson(reader));
      return array;
    }
    case Type::kMap: {
      json::object object;
      if (!reader.ReadMapHeader(&count)) break;
      for (uint32_t i = 0; i < count; ++i) {
        const json::value key = NextAsJson(reader);
        object[key.is_string() ? key.get_string() : JsonText(json::serialize(key))] =
            NextAsJson(reader);
      }
      return object;
    }
    default:
      break;
  }
  throw std::runtime_error("no JSON for the value at byte " + std::to_string(reader.position()));
}

inline boost::json::value ToJson(std::string_view bytes) {
  Reader reader(bytes);
  boost::json::value value = NextAsJson(reader);
  if (!reader.ok() || !reader.AtEnd()) throw std::runtime_error("not one MessagePack value");
  return value;
}

}  // namespace topgun::msgpack
