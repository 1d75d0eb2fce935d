#include "http_post.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <string_view>
#include <utility>

namespace topgun::tracing {
namespace {

constexpr size_t kAnswerBytesMax = size_t{64} << 10;
constexpr std::chrono::milliseconds kConnectTimeout{3'000};

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

HeaderList ListOf(const PostOptions& options) {
  HeaderList list;
  const auto add = [&list](const std::string& line) {
    curl_slist* const longer = curl_slist_append(list.get(), line.c_str());
    static_cast<void>(list.release());
    list.reset(longer);
  };
  add("Content-Type: " + options.content_type);
  add("Expect:");  // no round trip before a large body
  for (const std::string& line : options.headers) add(line);
  return list;
}

// Process-wide, and not to be undone: other parts of the process may use libcurl as well.
void InitOnce() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

size_t TakeBody(char* data, size_t /*one*/, size_t size, void* answer) {
  std::string& body = static_cast<PostAnswer*>(answer)->body;
  body.append(data, std::min(size, kAnswerBytesMax - body.size()));
  return size;
}

}  // namespace

struct HttpPost::Impl {
  static int OnProgress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Impl*>(self)->abort() ? 1 : 0;
  }

  PostOptions options;
  std::function<bool()> abort;
  HeaderList headers;
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl{nullptr, &curl_easy_cleanup};
};

HttpPost::HttpPost(PostOptions options, std::function<bool()> abort)
    : impl_(std::make_unique<Impl>()) {
  InitOnce();
  impl_->options = std::move(options);
  impl_->abort = std::move(abort);
  impl_->headers = ListOf(impl_->options);
  impl_->curl.reset(curl_easy_init());
  CURL* const curl = impl_->curl.get();
  if (curl == nullptr) return;
  curl_easy_setopt(curl, CURLOPT_URL, impl_->options.url.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, impl_->headers.get());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_PROXY, "");  // a collector is inside; proxies are for outside
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(kConnectTimeout.count()));
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "topgun");
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &TakeBody);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &Impl::OnProgress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, impl_.get());
  if (!impl_->options.ca_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, impl_->options.ca_file.c_str());
  }
}

HttpPost::~HttpPost() = default;

PostAnswer HttpPost::Send(const std::string& body, std::chrono::milliseconds timeout) {
  PostAnswer answer;
  CURL* const curl = impl_->curl.get();
  if (curl == nullptr) {
    answer.problem = "libcurl cannot be initialised";
    return answer;
  }
  std::array<char, CURL_ERROR_SIZE> error{};
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error.data());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                   static_cast<long>(std::min(timeout, impl_->options.timeout).count()));
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) {
    answer.problem = error[0] != '\0' ? error.data() : curl_easy_strerror(code);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, nullptr);
    return answer;
  }
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_off_t seconds = 0;
  curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &seconds);
  answer.status = static_cast<int>(status);
  answer.retry_after = std::chrono::seconds(std::clamp<curl_off_t>(seconds, 0, 3'600));
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, nullptr);
  return answer;
}

}  // namespace topgun::tracing
