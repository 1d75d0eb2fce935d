#include "scrape/http_get.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

namespace topgun::loadgen {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

constexpr uint64_t kBodyBytesMax = uint64_t{16} << 20;

// The steps of one request, each started by the one before; all errors end in `result_`.
class Exchange {
 public:
  Exchange(const HttpUrl& url, std::chrono::milliseconds timeout)
      : url_(url), resolver_(io_), stream_(io_), request_(http::verb::get, url.target, 11) {
    request_.set(http::field::host, url.host + ":" + url.port);
    request_.set(http::field::connection, "close");
    parser_.body_limit(kBodyBytesMax);
    timeout_ = timeout;
  }

  StatusOr<std::string> Run() {
    resolver_.async_resolve(url_.host, url_.port,
                            [this](error_code error, asio::ip::tcp::resolver::results_type found) {
                              if (error) return Fail("resolving", error);
                              Connect(found);
                            });
    // Resolving a name has no timeout of its own.
    io_.run_for(timeout_);
    return done_ ? result_ : StatusOr<std::string>(DeadlineExceeded("no answer in time"));
  }

 private:
  void Connect(const asio::ip::tcp::resolver::results_type& found) {
    stream_.async_connect(found, [this](error_code error, const asio::ip::tcp::endpoint&) {
      if (error) return Fail("connecting", error);
      http::async_write(stream_, request_, [this](error_code write_error, size_t) {
        if (write_error) return Fail("sending the request", write_error);
        http::async_read(stream_, buffer_, parser_, [this](error_code read_error, size_t) {
          if (read_error) return Fail("reading the answer", read_error);
          Finish();
        });
      });
    });
  }

  void Finish() {
    done_ = true;
    const auto& response = parser_.get();
    if (response.result() == http::status::ok) {
      result_ = response.body();
    } else {
      result_ = Unavailable("HTTP " + std::to_string(response.result_int()));
    }
  }

  void Fail(const char* what, error_code error) {
    done_ = true;
    result_ = Unavailable(std::string(what) + ": " + error.message());
  }

  const HttpUrl& url_;
  std::chrono::milliseconds timeout_;
  asio::io_context io_{1};
  asio::ip::tcp::resolver resolver_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  http::request<http::empty_body> request_;
  http::response_parser<http::string_body> parser_;
  StatusOr<std::string> result_ = Unavailable("not asked");
  bool done_ = false;
};

}  // namespace

StatusOr<HttpUrl> ParseHttpUrl(const std::string& url) {
  constexpr std::string_view kScheme = "http://";
  const auto bad = [&] { return InvalidArgument("expected http://HOST:PORT/metrics, got " + url); };
  if (!url.starts_with(kScheme)) return bad();
  const std::string rest = url.substr(kScheme.size());
  const size_t slash = std::min(rest.find('/'), rest.size());
  std::string authority = rest.substr(0, slash);
  HttpUrl parsed;
  parsed.target = slash == rest.size() ? "/metrics" : rest.substr(slash);
  const size_t colon = authority.rfind(':');
  const bool has_port =
      colon != std::string::npos && authority.find(']', colon) == std::string::npos;
  parsed.port = has_port ? authority.substr(colon + 1) : "80";
  parsed.host = has_port ? authority.substr(0, colon) : authority;
  if (parsed.host.starts_with('[') && parsed.host.ends_with(']')) {
    parsed.host = parsed.host.substr(1, parsed.host.size() - 2);
  }
  if (parsed.host.empty() || parsed.port.empty() ||
      parsed.port.find_first_not_of("0123456789") != std::string::npos) {
    return bad();
  }
  return parsed;
}

StatusOr<std::string> HttpGet(const HttpUrl& url, std::chrono::milliseconds timeout) {
  return Exchange(url, timeout).Run();
}

}  // namespace topgun::loadgen
