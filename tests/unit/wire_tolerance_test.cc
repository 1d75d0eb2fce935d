// Fields that may hold anything, and values that other clients could not decode.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <string_view>

#include "support/vectors.h"
#include "wire/client_frame.h"

namespace topgun::wire {
namespace {

using std::string_literals::operator""s;

// A frame given as JSON in which the text HERE stands for `value`, which is MessagePack.
std::string FrameWith(std::string_view json, std::string_view value) {
  std::string bytes = support::ToMsgpack(support::ParseJson(json), msgpack::Rendering::kCompact);
  bytes.replace(bytes.find("\xa4HERE"), 5, value);
  return bytes;
}

// ---- core.md 2.3, 2.5: authentication never fails because of these ----

TEST(WireToleranceTest, ADeviceTokenOfAnotherKindIsNone) {
  ClientFrame frame;
  for (const std::string& value : {"\x05"s, "\x90"s, "\x81\xa1\x61\x01"s, "\xc0"s}) {
    const std::string auth =
        FrameWith(R"({"type":"AUTH","token":"t","deviceToken":"HERE"})", value);
    ASSERT_TRUE(Decode(auth, frame).ok());
    EXPECT_EQ(frame.auth.token, "t");
    EXPECT_FALSE(frame.auth.device_token);
    const std::string hello = FrameWith(R"({"type":"DEVICE_HELLO","deviceToken":"HERE"})", value);
    ASSERT_TRUE(Decode(hello, frame).ok());
    EXPECT_FALSE(frame.device_hello.device_token);
  }
}

TEST(WireToleranceTest, AnyProtocolVersionIsAccepted) {
  ClientFrame frame;
  for (const std::string& value : {"\xa1\x31"s, "\xff"s, "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"s}) {
    const std::string auth =
        FrameWith(R"({"type":"AUTH","protocolVersion":"HERE","token":"t"})", value);
    ASSERT_TRUE(Decode(auth, frame).ok());
    EXPECT_EQ(frame.auth.token, "t");
  }
}

// ---- core.md 5.1: `timeout` is any number ----

TEST(WireToleranceTest, ATimeoutMayBeAnyNumber) {
  const std::string_view json =
      R"({"type":"OP_BATCH","payload":{"timeout":"HERE","ops":[{"mapName":"m","key":"k"}]}})";
  ClientFrame frame;
  const std::string minus_five = FrameWith(json, "\xfb");
  ASSERT_TRUE(Decode(minus_five, frame).ok());
  EXPECT_EQ(frame.op_batch.error, "");
  EXPECT_EQ(frame.op_batch.timeout_ms, -5);
  const std::string no_number = FrameWith(json, "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"s);
  ASSERT_TRUE(Decode(no_number, frame).ok());
  EXPECT_EQ(frame.op_batch.error, "");
  EXPECT_TRUE(frame.op_batch.timeout_ms && std::isnan(*frame.op_batch.timeout_ms));
}

}  // namespace
}  // namespace topgun::wire
