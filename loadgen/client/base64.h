// Base64 as RFC 4648 has it, and the one value of the WebSocket handshake that is made with it.
// Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace topgun::loadgen {

std::string Base64(std::string_view bytes);
// The URL-safe alphabet without padding, as tokens use it (RFC 7515).
std::string Base64Url(std::string_view bytes);

// Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455 section 4.2.2).
std::string WebSocketAccept(std::string_view key);

}  // namespace topgun::loadgen
