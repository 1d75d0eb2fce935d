#include "command.h"

#include <hiredis/hiredis.h>

#include <new>
#include <vector>

namespace topgun::redis {

Command::Command(std::span<const std::string_view> head, std::span<const std::string_view> tail) {
  // Long argument lists are the hot case (commits): keep the two arrays between calls.
  thread_local std::vector<const char*> texts;
  thread_local std::vector<size_t> sizes;
  texts.clear();
  sizes.clear();
  for (const auto part : {head, tail}) {
    for (const std::string_view arg : part) {
      texts.push_back(arg.data());
      sizes.push_back(arg.size());
    }
  }
  char* bytes = nullptr;
  const int size =
      redisFormatCommandArgv(&bytes, static_cast<int>(texts.size()), texts.data(), sizes.data());
  if (size < 0) throw std::bad_alloc();
  bytes_.reset(bytes);
  size_ = static_cast<size_t>(size);
}

void Command::Free::operator()(char* bytes) const { redisFreeCommand(bytes); }

}  // namespace topgun::redis
