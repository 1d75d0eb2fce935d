// Reading the golden vectors of tests/contract/vectors.
//
// Two things Boost.JSON would spoil are done here: numbers with a fraction are read exactly (its
// own conversion may be off by one unit in the last place), and a lone surrogate escape, which it
// refuses, is read as U+FFFD (the vectors give such texts in hex as well). Failures throw: a vector
// file that cannot be read is a broken checkout.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "msgpack/writer.h"

namespace topgun::support {

// A parsed file by name, e.g. "hlc.json". Read once per process; any thread.
const boost::json::value& LoadVectors(const std::string& file_name);

boost::json::value ParseJson(std::string_view text);

// The MessagePack form of a JSON value; whole numbers become integers, as with the client.
std::string ToMsgpack(const boost::json::value& value,
                      msgpack::Rendering rendering = msgpack::Rendering::kClient);

std::string FromHex(std::string_view hex);
// UTF-16 units in little-endian hex to UTF-8, lone surrogates in their raw 3-byte form.
std::string Utf8FromUtf16Hex(std::string_view hex);

// The text of a JSON string.
std::string_view Text(const boost::json::value& value);

}  // namespace topgun::support
