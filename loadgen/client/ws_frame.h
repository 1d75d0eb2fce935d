// WebSocket frames as a client writes and reads them (RFC 6455 section 5). Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace topgun::loadgen {

enum class WsOpcode : uint8_t {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10,
};

// One unfragmented frame whose payload is the parts in a row, masked with `mask_key`.
void AppendClientFrame(WsOpcode opcode, std::initializer_list<std::string_view> parts,
                       uint32_t mask_key, std::string& out);

struct WsFrame {
  WsOpcode opcode = WsOpcode::kBinary;
  bool final = true;
  std::string_view payload;  // points into the input
  size_t size = 0;           // bytes of the input that the frame takes
};

enum class WsParse : uint8_t {
  kFrame,
  kNeedMore,   // `frame.size` then is the number of bytes known to be needed, from the start
  kMalformed,  // masked, reserved bits, unknown opcode, bad control frame, longer than payload_max
};

WsParse ParseServerFrame(std::string_view input, size_t payload_max, WsFrame* frame);

// "1013 slow consumer": code and reason in the payload of a close frame, as far as it has them.
std::string CloseReason(std::string_view payload);

}  // namespace topgun::loadgen
