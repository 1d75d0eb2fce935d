// One TLS connection over a non-blocking socket: OpenSSL with errors as error codes, no I/O of its
// own but system calls on that socket. stream.h makes it asynchronous.
//
// OpenSSL reads and writes the socket itself, so data is copied once and an idle connection owns no
// buffer; asio::ssl::stream keeps 34 KiB for each. The process must ignore SIGPIPE.
//
// Owned by a stream; used by one thread at a time.
#pragma once

#include <openssl/ssl.h>

#include <boost/system/error_code.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "tls/context.h"

namespace topgun::tls {

enum class Role : uint8_t { kClient, kServer };

// Why there is no connection. A closed set: the names are metric labels.
enum class HandshakeFailure : uint8_t {
  kPlainHttp,    // an HTTP request without TLS
  kPlainText,    // other bytes that are not TLS
  kCertificate,  // the peer has none, or one that we do not trust
  kRefused,      // the peer says no; mostly it does not trust our certificate
  kNoCommon,     // no protocol version, cipher or application protocol in common
  kClosed,       // the peer went away
  kOther
};
inline constexpr size_t kHandshakeFailureCount =
    size_t{1} + static_cast<size_t>(HandshakeFailure::kOther);

std::string_view Name(HandshakeFailure failure);
HandshakeFailure FailureOf(const boost::system::error_code& handshake_error);

class Session {
 public:
  using error_code = boost::system::error_code;

  Session(ContextPtr context, Role role);

  // For clients, before the handshake: the name or IP address that the server's certificate must
  // be for, if the context verifies at all.
  Status SetServerName(const std::string& host);

  // The functions below fail with asio::error::would_block when the socket has to become ready
  // first: for what their name says, the handshake for reading, unless the functions below say
  // otherwise. `fd` must stay what it was at the first call.
  void Handshake(int fd, error_code& error);
  // As much as there is, up to `size`. The end of the stream is asio::error::eof, also without a
  // TLS close: every protocol above has an end of its own.
  size_t Read(char* data, size_t size, error_code& error);
  // After would_block the next call must begin with the same bytes.
  size_t Write(const char* data, size_t size, error_code& error);
  // Says goodbye if the socket takes it at once.
  void SendCloseNotify();

  bool ReadWantsWrite() const { return read_wants_write_; }
  bool WriteWantsRead() const { return write_wants_read_; }
  // The last read did not empty it, so waiting for the socket might wait for ever.
  bool MayHoldData() const { return may_hold_data_; }

  // "certificate verify failed (self-signed certificate)".
  std::string Describe(const error_code& error) const;

 private:
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  error_code ErrorOf(int result, bool* wants_other, int other);

  ContextPtr context_;
  std::unique_ptr<SSL, Free> ssl_;
  error_code failed_;
  bool bound_ = false;
  bool read_wants_write_ = false;
  bool write_wants_read_ = false;
  bool may_hold_data_ = false;
};

}  // namespace topgun::tls
