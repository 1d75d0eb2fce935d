#include "redis/reply.h"

#include <hiredis/hiredis.h>

#include <array>
#include <charconv>

namespace topgun::redis {

ReplyType ReplyView::type() const {
  switch (reply_->type) {
    case REDIS_REPLY_STRING:
      return ReplyType::kString;
    case REDIS_REPLY_STATUS:
      return ReplyType::kStatus;
    case REDIS_REPLY_INTEGER:
      return ReplyType::kInteger;
    case REDIS_REPLY_ARRAY:
      return ReplyType::kArray;
    case REDIS_REPLY_ERROR:
      return ReplyType::kError;
    default:
      return ReplyType::kNil;
  }
}

std::string_view ReplyView::str() const {
  if (reply_->str == nullptr) return {};
  return {reply_->str, static_cast<size_t>(reply_->len)};
}

int64_t ReplyView::integer() const {
  if (reply_->type == REDIS_REPLY_INTEGER) return reply_->integer;
  const std::string_view text = str();
  const char* end = text.data() + text.size();
  int64_t value = 0;
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stopped == end ? value : 0;
}

size_t ReplyView::size() const { return reply_->type == REDIS_REPLY_ARRAY ? reply_->elements : 0; }

ReplyView ReplyView::operator[](size_t index) const { return ReplyView(reply_->element[index]); }

void ReplyDeleter::operator()(redisReply* reply) const { freeReplyObject(reply); }

namespace {

std::string_view CodeOf(std::string_view error_text) {
  return error_text.substr(0, error_text.find(' '));
}

}  // namespace

Status ErrorStatus(std::string_view error_text) {
  // States that pass by themselves or with another connection; the command has not run.
  constexpr std::array<std::string_view, 12> kRetryable = {
      "LOADING",    "READONLY", "MOVED",   "ASK",       "TRYAGAIN", "CLUSTERDOWN",
      "MASTERDOWN", "OOM",      "MISCONF", "UNBLOCKED", "BUSY",     "NOREPLICAS"};
  const std::string_view code = CodeOf(error_text);
  if (code == "NOSCRIPT") return NotFound(error_text);
  for (const std::string_view retryable : kRetryable) {
    if (code == retryable) return Unavailable(error_text);
  }
  return Internal(error_text);
}

std::optional<Redirect> RedirectOf(std::string_view error_text) {
  constexpr std::array<std::string_view, kRedirectCount> kCodes = {"MOVED", "ASK", "TRYAGAIN",
                                                                   "CLUSTERDOWN"};
  const std::string_view code = CodeOf(error_text);
  for (size_t i = 0; i < kCodes.size(); ++i) {
    if (code == kCodes[i]) return static_cast<Redirect>(i);
  }
  return std::nullopt;
}

}  // namespace topgun::redis
