// MessagePack values as JSON and back, for endpoints that speak JSON about what clients store.
// Pure; any thread.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

namespace topgun::gateway {

// A MessagePack value. Whole numbers are whole whatever their form, as the protocol treats them;
// NaN and infinities are null; bytes are {"$hex": ..}, extensions {"$ext": type, "$hex": ..}; keys
// of maps that are no text become their JSON. Bytes that are no MessagePack are null.
boost::json::value ToJson(std::string_view msgpack);

// The text with U+FFFD for everything that is not valid UTF-8: clients may send lone surrogates.
std::string ReadableText(std::string_view text);

// Appends the MessagePack form. Recursive: whoever parsed the value has limited its depth.
void AppendMsgpack(const boost::json::value& value, std::string& out);

}  // namespace topgun::gateway
