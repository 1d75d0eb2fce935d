#include "link.h"

#include <hiredis/hiredis.h>

#include <chrono>
#include <new>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "tls/context.h"

namespace topgun::redis {
namespace {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;

constexpr std::string_view kUnixScheme = "unix:";
// hiredis moves the unparsed rest of its buffer forward every 1 KiB: small portions keep that
// cheap.
constexpr size_t kParseBytes = size_t{16} * 1024;
// A burst may grow the output buffers; above this they are given back.
constexpr size_t kKeptBytesMax = 4 << 20;
// sun_path is 108 bytes with its terminator; Asio throws above.
constexpr size_t kUnixPathMax = 107;

Status SystemStatus(std::string_view doing, const ErrorCode& error) {
  return Unavailable(std::string(doing).append(": ").append(error.message()));
}

}  // namespace

void Link::ReaderDeleter::operator()(redisReader* reader) const { redisReaderFree(reader); }

Link::Link(asio::io_context& io, std::shared_ptr<LinkOwner> owner)
    : io_(io), owner_(std::move(owner)), socket_(io), resolver_(io), reader_(redisReaderCreate()) {
  if (reader_ == nullptr) throw std::bad_alloc();
}

Link::~Link() = default;

void Link::Open(const std::string& address, const TlsOptions& tls) {
  if (address.starts_with(kUnixScheme)) {
    const std::string path = address.substr(kUnixScheme.size());
    if (path.empty() || path.size() > kUnixPathMax) {
      return PostBroken(InvalidArgument("bad socket path in '" + address + "'"));
    }
    return Connect({asio::local::stream_protocol::endpoint(path)});
  }
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == address.size()) {
    return PostBroken(InvalidArgument("address '" + address + "' is not unix:/path or host:port"));
  }
  std::string_view host = std::string_view(address).substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (tls.enabled) {
    const Status prepared = PrepareTls(tls, std::string(host));
    if (!prepared.ok()) return PostBroken(Annotate(prepared, "TLS to Redis"));
  }
  Resolve(host, std::string_view(address).substr(colon + 1));
}

Status Link::PrepareTls(const TlsOptions& options, const std::string& host) {
  ASSIGN_OR_RETURN(const tls::Credentials credentials,
                   tls::LoadCredentials(options.files, std::chrono::system_clock::now()));
  ASSIGN_OR_RETURN(const tls::ContextPtr context, tls::MakeClientContext(credentials, {}));
  tls_ = std::make_unique<tls::Stream<Socket&>>(socket_, context, tls::Role::kClient);
  server_name_ = options.server_name.empty() ? host : options.server_name;
  return tls_->session().SetServerName(server_name_);
}

void Link::Resolve(std::string_view host, std::string_view port) {
  resolver_.async_resolve(
      std::string(host), std::string(port),
      [self = shared_from_this()](const ErrorCode& error,
                                  const asio::ip::tcp::resolver::results_type& results) {
        if (self->owner_ == nullptr) return;
        if (error) return self->Broken(SystemStatus("resolve", error));
        std::vector<Endpoint> endpoints;
        for (const auto& result : results) endpoints.emplace_back(result.endpoint());
        self->Connect(std::move(endpoints));
      });
}

void Link::Connect(std::vector<Endpoint> endpoints) {
  asio::async_connect(socket_, endpoints,
                      [self = shared_from_this()](const ErrorCode& error, const Endpoint& to) {
                        if (self->owner_ == nullptr) return;
                        if (error) return self->Broken(SystemStatus("connect", error));
                        if (to.protocol().family() != AF_UNIX) {
                          ErrorCode ignored;  // only latency depends on it
                          self->socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
                        }
                        if (self->tls_ != nullptr) return self->Handshake();
                        self->Opened();
                      });
}

void Link::Handshake() {
  tls_->async_handshake([self = shared_from_this()](const ErrorCode& error) {
    if (self->owner_ == nullptr) return;
    if (error) {
      return self->Broken(Unavailable("TLS handshake with Redis, expected to be '" +
                                      self->server_name_ +
                                      "': " + self->tls_->session().Describe(error)));
    }
    self->Opened();
  });
}

void Link::Opened() {
  Read();
  const auto owner = owner_;
  owner->OnLinkOpen();
}

void Link::Write(std::string_view bytes) {
  waiting_.append(bytes);
  ScheduleFlush();
}

void Link::Write(std::string&& bytes) {
  if (!waiting_.empty()) return Write(std::string_view(bytes));
  waiting_ = std::move(bytes);
  ScheduleFlush();
}

void Link::ScheduleFlush() {
  if (flush_pending_) return;
  flush_pending_ = true;
  asio::post(io_, [self = shared_from_this()] { self->Flush(); });
}

void Link::Flush() {
  if (owner_ == nullptr) return;
  writing_.swap(waiting_);
  auto written = [self = shared_from_this()](const ErrorCode& error, size_t) {
    if (self->owner_ == nullptr) return;
    if (error) return self->Broken(SystemStatus("write", error));
    self->writing_.clear();
    if (self->writing_.capacity() > kKeptBytesMax) self->writing_.shrink_to_fit();
    self->flush_pending_ = !self->waiting_.empty();
    if (self->flush_pending_) self->Flush();
  };
  if (tls_ == nullptr) {
    asio::async_write(socket_, asio::buffer(writing_), std::move(written));
  } else {
    asio::async_write(*tls_, asio::buffer(writing_), std::move(written));
  }
}

void Link::Read() {
  auto arrived = [self = shared_from_this()](const ErrorCode& error, size_t size) {
    if (self->owner_ == nullptr) return;
    if (error) return self->Broken(SystemStatus("read", error));
    const auto owner = self->owner_;
    owner->OnLinkBytes();
    self->Parse({self->input_.data(), size});
    if (self->owner_ != nullptr) self->Read();
  };
  if (tls_ == nullptr) {
    socket_.async_read_some(asio::buffer(input_), std::move(arrived));
  } else {
    tls_->async_read_some(asio::buffer(input_), std::move(arrived));
  }
}

void Link::Parse(std::string_view bytes) {
  const auto owner = owner_;
  while (owner_ != nullptr && !bytes.empty()) {
    const std::string_view portion = bytes.substr(0, kParseBytes);
    bytes.remove_prefix(portion.size());
    redisReaderFeed(reader_.get(), portion.data(), portion.size());
    while (owner_ != nullptr) {
      void* parsed = nullptr;
      if (redisReaderGetReply(reader_.get(), &parsed) != REDIS_OK) {
        return Broken(Unavailable(std::string("protocol error: ").append(reader_->errstr)));
      }
      if (parsed == nullptr) break;
      owner->OnLinkReply(Reply(static_cast<redisReply*>(parsed)));
    }
  }
}

void Link::PostBroken(Status reason) {
  asio::post(io_,
             [self = shared_from_this(), reason = std::move(reason)] { self->Broken(reason); });
}

void Link::Broken(const Status& reason) {
  if (owner_ == nullptr) return;
  const auto owner = owner_;
  Close();
  owner->OnLinkBroken(reason);
}

void Link::Close() {
  owner_ = nullptr;
  resolver_.cancel();
  ErrorCode ignored;  // the descriptor is gone either way
  socket_.close(ignored);
}

}  // namespace topgun::redis
