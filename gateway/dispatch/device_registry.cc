#include "dispatch/device_registry.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <span>
#include <utility>
#include <vector>

#include "msgpack/reader.h"
#include "msgpack/writer.h"
#include "state/cell.h"

namespace topgun::gateway {
namespace {

constexpr size_t kUuidLength = 36;
constexpr std::string_view kIdDigits = "0123456789abcdef";

template <size_t N>
std::string ToHex(const std::array<unsigned char, N>& bytes) {
  std::string text;
  for (const unsigned char byte : bytes) {
    text.push_back(kIdDigits[byte >> 4U]);
    text.push_back(kIdDigits[byte & 15U]);
  }
  return text;
}

// False unless `text` is the lowercase hex form of that many bytes.
template <size_t N>
bool FromHex(std::string_view text, std::array<unsigned char, N>& bytes) {
  if (text.size() != 2 * N) return false;
  for (size_t i = 0; i < N; ++i) {
    const size_t high = kIdDigits.find(text[2 * i]);
    const size_t low = kIdDigits.find(text[2 * i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return false;
    bytes[i] = static_cast<unsigned char>(high << 4U | low);
  }
  return true;
}

bool IsDash(size_t position) {
  return position == 8 || position == 13 || position == 18 || position == 23;
}

bool IsUuid(std::string_view text) {
  if (text.size() != kUuidLength) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (IsDash(i) ? text[i] != '-' : kIdDigits.find(text[i]) == std::string_view::npos)
      return false;
  }
  return true;
}

// Version 4. Empty when there is no randomness.
std::string NewUuid() {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return {};
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0fU) | 0x40U);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3fU) | 0x80U);
  std::string text = ToHex(bytes);
  for (const size_t dash : {8U, 13U, 18U, 23U}) text.insert(dash, 1, '-');
  return text;
}

// The length keeps callers apart whatever their ids look like.
std::string CallerPrefix(std::optional<std::string_view> caller) {
  if (!caller) return "n:";
  std::string prefix = "a" + std::to_string(caller->size()) + ":";
  return prefix.append(*caller).append("|");
}

}  // namespace

std::optional<DeviceRegistry::Credential> DeviceRegistry::Parse(std::string_view token) {
  Credential credential;
  if (token.size() <= kUuidLength || token[kUuidLength] != '.') return std::nullopt;
  if (!IsUuid(token.substr(0, kUuidLength))) return std::nullopt;
  if (!FromHex(token.substr(kUuidLength + 1), credential.secret)) return std::nullopt;
  credential.id.assign(token.substr(0, kUuidLength));
  return credential;
}

std::string DeviceRegistry::Hash(const Secret& secret) {
  std::string hash(SHA256_DIGEST_LENGTH, '\0');
  SHA256(secret.data(), secret.size(), reinterpret_cast<unsigned char*>(hash.data()));
  return hash;
}

void DeviceRegistry::Identify(std::optional<std::string_view> caller, std::string_view token,
                              Done done) {
  if (waiting_.size() >= kWaitingMax || caller.value_or("").size() > kCallerBytesMax) {
    probe_.Device(DeviceResult::kRefused);
    return done(std::nullopt);
  }
  const uint64_t request = next_request_++;
  waiting_.emplace(request, Waiting{.done = std::move(done),
                                    .deadline = std::chrono::steady_clock::now() + kPatience});
  const std::string prefix = CallerPrefix(caller);
  if (const auto presented = Parse(token)) {
    Recognise(request, prefix, *presented);
  } else {
    Mint(request, prefix);
  }
}

void DeviceRegistry::Recognise(uint64_t request, const std::string& caller,
                               const Credential& presented) {
  cells_.ReadCells(
      std::string(state::kDeviceMap), {caller + presented.id},
      [=, this](const StatusOr<std::vector<std::string>>& cells) {
        if (!cells.ok()) return Finish(request, DeviceResult::kFailed, std::nullopt);
        const bool known = !cells->empty() && Matches(caller, presented, cells->front());
        if (!known) return Mint(request, caller);
        Finish(request, DeviceResult::kKnown, DeviceIdentity{.id = presented.id, .token = {}});
      });
}

bool DeviceRegistry::Matches(const std::string& caller, const Credential& presented,
                             std::string_view encoded) {
  state::CellView cell;
  const int64_t now_ms = clock_.NowMs();
  if (!state::DecodeCell(encoded, &cell) || !cell.Live(now_ms)) return false;
  std::string_view stored;
  msgpack::Reader reader(cell.value);
  reader.ReadBin(&stored);
  const std::string hash = Hash(presented.secret);
  if (!reader.ok() || stored.size() != hash.size()) return false;
  if (CRYPTO_memcmp(stored.data(), hash.data(), hash.size()) != 0) return false;
  if (cell.timestamp.millis < now_ms - kDayMs) {
    stamps_.Observe(cell.timestamp);
    Write(caller + presented.id, presented.secret, [](const auto&) {});
  }
  return true;
}

void DeviceRegistry::Mint(uint64_t request, const std::string& caller) {
  if (!waiting_.contains(request)) return;  // nobody waits any more
  Credential made{.id = NewUuid()};
  const bool random = RAND_bytes(made.secret.data(), static_cast<int>(made.secret.size())) == 1;
  if (made.id.empty() || !random) return Finish(request, DeviceResult::kFailed, std::nullopt);
  DeviceIdentity identity{.id = made.id, .token = made.id + "." + ToHex(made.secret)};
  Write(caller + made.id, made.secret,
        [this, request, identity = std::move(identity)](std::span<const OpOutcome> outcomes) {
          if (outcomes.front() != OpOutcome::kApplied) {
            return Finish(request, DeviceResult::kFailed, std::nullopt);
          }
          Finish(request, DeviceResult::kMinted, identity);
        });
}

void DeviceRegistry::Write(const std::string& key, const Secret& secret,
                           DetachedWrites::Done done) {
  std::string value;
  msgpack::Writer(value).Bin(Hash(secret));
  const crdt::Timestamp now = stamps_.Tick();
  wire::Op op;
  op.kind = wire::OpKind::kPut;
  op.map = state::kDeviceMap;
  op.key = key;
  op.value = value;
  op.timestamp = now.view();
  op.has_timestamp = true;
  op.has_ttl = true;
  op.ttl_ms = static_cast<double>(kKeepMs);
  writes_.Write(std::span(&op, 1), {}, std::move(done));
}

void DeviceRegistry::Finish(uint64_t request, DeviceResult result,
                            std::optional<DeviceIdentity> identity) {
  const auto found = waiting_.find(request);
  if (found == waiting_.end()) return;
  probe_.Device(result);
  const Done done = std::move(found->second.done);
  waiting_.erase(found);
  done(identity);
}

void DeviceRegistry::Tick(Time now) {
  while (!waiting_.empty() && waiting_.begin()->second.deadline <= now) {
    Finish(waiting_.begin()->first, DeviceResult::kFailed, std::nullopt);
  }
}

}  // namespace topgun::gateway
