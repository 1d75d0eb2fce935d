#include "client/ws_frame.h"

#include <cstring>

namespace topgun::loadgen {
namespace {

constexpr uint8_t kFinalBit = 0x80;
constexpr uint8_t kReservedBits = 0x70;
constexpr uint8_t kOpcodeBits = 0x0f;
constexpr uint8_t kMaskBit = 0x80;
constexpr size_t kControlPayloadMax = 125;

void AppendBigEndian(uint64_t value, unsigned bytes, std::string& out) {
  while (bytes-- > 0) out.push_back(static_cast<char>(value >> (8 * bytes)));
}

uint64_t ReadBigEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

// Eight bytes at a time: with 100 operations per frame this loop touches 40 KB.
void Mask(uint32_t key, char* data, size_t size) {
  const uint64_t wide_key = uint64_t{key} << 32 | key;
  size_t i = 0;
  for (; i + sizeof wide_key <= size; i += sizeof wide_key) {
    uint64_t word = 0;
    std::memcpy(&word, data + i, sizeof word);
    word ^= wide_key;
    std::memcpy(data + i, &word, sizeof word);
  }
  char key_bytes[sizeof key];
  std::memcpy(key_bytes, &key, sizeof key);
  for (; i < size; ++i) data[i] = static_cast<char>(data[i] ^ key_bytes[i % sizeof key]);
}

bool IsKnown(uint8_t opcode) { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }
bool IsControl(uint8_t opcode) { return opcode >= 8; }

}  // namespace

void AppendClientFrame(WsOpcode opcode, std::initializer_list<std::string_view> parts,
                       uint32_t mask_key, std::string& out) {
  size_t size = 0;
  for (const std::string_view part : parts) size += part.size();

  out.push_back(static_cast<char>(kFinalBit | static_cast<uint8_t>(opcode)));
  if (size <= 125) {
    out.push_back(static_cast<char>(kMaskBit | size));
  } else if (size <= 0xffff) {
    out.push_back(static_cast<char>(kMaskBit | 126));
    AppendBigEndian(size, 2, out);
  } else {
    out.push_back(static_cast<char>(kMaskBit | 127));
    AppendBigEndian(size, 8, out);
  }
  out.append(reinterpret_cast<const char*>(&mask_key), sizeof mask_key);
  const size_t start = out.size();
  for (const std::string_view part : parts) out.append(part);
  Mask(mask_key, out.data() + start, size);
}

WsParse ParseServerFrame(std::string_view input, size_t payload_max, WsFrame* frame) {
  frame->size = 2;
  if (input.size() < frame->size) return WsParse::kNeedMore;
  const auto first = static_cast<uint8_t>(input[0]);
  const auto second = static_cast<uint8_t>(input[1]);
  const uint8_t opcode = first & kOpcodeBits;
  frame->final = (first & kFinalBit) != 0;
  if ((first & kReservedBits) != 0 || (second & kMaskBit) != 0 || !IsKnown(opcode)) {
    return WsParse::kMalformed;
  }
  frame->opcode = static_cast<WsOpcode>(opcode);

  uint64_t payload_size = second;
  const size_t length_bytes = second == 127 ? 8 : second == 126 ? 2 : 0;
  frame->size += length_bytes;
  if (input.size() < frame->size) return WsParse::kNeedMore;
  if (length_bytes > 0) payload_size = ReadBigEndian(input.substr(2, length_bytes));
  if (payload_size > payload_max) return WsParse::kMalformed;
  if (IsControl(opcode) && (!frame->final || payload_size > kControlPayloadMax)) {
    return WsParse::kMalformed;
  }

  const size_t header_size = frame->size;
  frame->size += payload_size;
  if (input.size() < frame->size) return WsParse::kNeedMore;
  frame->payload = input.substr(header_size, payload_size);
  return WsParse::kFrame;
}

std::string CloseReason(std::string_view payload) {
  if (payload.size() < 2) return "closed by the server";
  const auto byte = [&](size_t i) {
    return static_cast<unsigned>(static_cast<uint8_t>(payload[i]));
  };
  const std::string code = std::to_string((byte(0) << 8) | byte(1));
  return payload.size() == 2 ? code : code + " " + std::string(payload.substr(2));
}

}  // namespace topgun::loadgen
