#include "http_client.h"

#include <curl/curl.h>

#include <array>
#include <memory>
#include <utility>

namespace topgun::ctl {
namespace {

struct CurlFree {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Handle = std::unique_ptr<CURL, CurlFree>;
using HeaderList = std::unique_ptr<curl_slist, ListFree>;

size_t TakeBody(char* data, size_t size, size_t count, void* user) {
  auto& body = *static_cast<std::string*>(user);
  const size_t bytes = size * count;
  if (body.size() + bytes > HttpClient::kBodyBytesMax) return 0;  // ends the transfer
  body.append(data, bytes);
  return bytes;
}

void AddHeader(HeaderList& headers, const std::string& line) {
  headers.reset(curl_slist_append(headers.release(), line.c_str()));
}

HeaderList HeadersOf(const HttpCall& call) {
  HeaderList headers;
  if (!call.bearer.empty()) AddHeader(headers, "Authorization: Bearer " + call.bearer);
  if (!call.body.empty()) AddHeader(headers, "Content-Type: application/json");
  return headers;
}

Status FailureOf(const HttpCall& call, CURLcode code, const char* details) {
  if (code == CURLE_WRITE_ERROR) return ResourceExhausted(call.url + ": the answer is too large");
  const std::string reason = *details != '\0' ? details : curl_easy_strerror(code);
  return Unavailable(call.url + ": " + reason);
}

}  // namespace

HttpClient::HttpClient(Options options) : options_(std::move(options)) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
}

StatusOr<HttpReply> HttpClient::Send(const HttpCall& call) const {
  const Handle curl(curl_easy_init());
  if (!curl) return Internal("libcurl cannot be used");
  const HeaderList headers = HeadersOf(call);
  const auto timeout = call.timeout.count() > 0 ? call.timeout : options_.timeout;
  std::array<char, CURL_ERROR_SIZE> details{};
  HttpReply reply;
  curl_easy_setopt(curl.get(), CURLOPT_URL, call.url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, call.method.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, details.data());
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &TakeBody);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &reply.body);
  if (!options_.ca_file.empty()) {
    curl_easy_setopt(curl.get(), CURLOPT_CAINFO, options_.ca_file.c_str());
  }
  if (!call.body.empty() || call.method == "POST") {
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(call.body.size()));
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, call.body.c_str());
  }
  reply.asked = std::chrono::system_clock::now();
  const CURLcode code = curl_easy_perform(curl.get());
  reply.answered = std::chrono::system_clock::now();
  if (code != CURLE_OK) return FailureOf(call, code, details.data());
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  reply.status = static_cast<int>(status);
  return reply;
}

std::string EncodePercent(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4U];
    out += kHex[byte & 0xfU];
  }
  return out;
}

}  // namespace topgun::ctl
