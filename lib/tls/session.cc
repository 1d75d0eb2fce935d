#include "tls/session.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/error.hpp>
#include <cerrno>
#include <climits>
#include <new>
#include <utility>

namespace topgun::tls {
namespace {

using boost::system::error_code;

error_code SslError(unsigned long code) {
  return {static_cast<int>(code), boost::asio::error::get_ssl_category()};
}

int ReasonOf(const error_code& error) {
  return ERR_GET_REASON(static_cast<unsigned long>(error.value()));
}

bool IsSsl(const error_code& error) {
  return error.category() == boost::asio::error::get_ssl_category();
}

int Length(size_t size) { return static_cast<int>(std::min<size_t>(size, INT_MAX)); }

}  // namespace

std::string_view Name(HandshakeFailure failure) {
  constexpr std::array<std::string_view, kHandshakeFailureCount> kNames = {
      "plain_http", "plain_text", "certificate", "refused", "no_common", "closed", "other"};
  return kNames[static_cast<size_t>(failure)];
}

HandshakeFailure FailureOf(const error_code& handshake_error) {
  if (!IsSsl(handshake_error)) return HandshakeFailure::kClosed;
  const int reason = ReasonOf(handshake_error);
  if (reason >= SSL_AD_REASON_OFFSET) return HandshakeFailure::kRefused;
  switch (reason) {
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
      return HandshakeFailure::kPlainHttp;
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
      return HandshakeFailure::kPlainText;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      return HandshakeFailure::kCertificate;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_APPLICATION_PROTOCOL:
      return HandshakeFailure::kNoCommon;
    default:
      return HandshakeFailure::kOther;
  }
}

Session::Session(ContextPtr context, Role role)
    : context_(std::move(context)), ssl_(SSL_new(context_.get())) {
  if (ssl_ == nullptr) throw std::bad_alloc();
  if (role == Role::kServer) {
    SSL_set_accept_state(ssl_.get());
  } else {
    SSL_set_connect_state(ssl_.get());
  }
}

Status Session::SetServerName(const std::string& host) {
  error_code not_numeric;
  boost::asio::ip::make_address(host, not_numeric);
  X509_VERIFY_PARAM* const checks = SSL_get0_param(ssl_.get());
  if (!not_numeric) {  // RFC 6066 forbids sending addresses
    return X509_VERIFY_PARAM_set1_ip_asc(checks, host.c_str()) == 1
               ? OkStatus()
               : InvalidArgument("not an address of a TLS server: " + host);
  }
  // What SSL_set_tlsext_host_name() stands for; it casts away const in the old style.
  const bool set = SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                            const_cast<char*>(host.c_str())) == 1 &&
                   X509_VERIFY_PARAM_set1_host(checks, host.c_str(), 0) == 1;
  return set ? OkStatus() : InvalidArgument("not a name of a TLS server: " + host);
}

void Session::Handshake(int fd, error_code& error) {
  ERR_clear_error();
  if (!bound_ && SSL_set_fd(ssl_.get(), fd) != 1) throw std::bad_alloc();
  bound_ = true;
  errno = 0;
  const int result = SSL_do_handshake(ssl_.get());
  error = result == 1 ? error_code() : ErrorOf(result, &read_wants_write_, SSL_ERROR_WANT_WRITE);
  // What followed the handshake may have been read along with it.
  may_hold_data_ = result == 1 && SSL_has_pending(ssl_.get()) == 1;
}

size_t Session::Read(char* data, size_t size, error_code& error) {
  size_t total = 0;
  error = failed_;
  while (total < size && !error) {
    ERR_clear_error();
    errno = 0;
    const int result = SSL_read(ssl_.get(), data + total, Length(size - total));
    if (result <= 0) {
      error = ErrorOf(result, &read_wants_write_, SSL_ERROR_WANT_WRITE);
    } else {
      total += static_cast<size_t>(result);
      if (SSL_has_pending(ssl_.get()) == 0) break;  // saves a system call that finds nothing
    }
  }
  // Part of a record is pending as well: then the next read is what blocks.
  may_hold_data_ =
      error ? error != boost::asio::error::would_block : SSL_has_pending(ssl_.get()) == 1;
  if (total > 0) error = {};  // comes again
  return total;
}

size_t Session::Write(const char* data, size_t size, error_code& error) {
  size_t total = 0;
  error = failed_;
  while (total < size && !error) {
    ERR_clear_error();
    errno = 0;
    const int result = SSL_write(ssl_.get(), data + total, Length(size - total));
    if (result > 0) {
      total += static_cast<size_t>(result);
    } else {
      error = ErrorOf(result, &write_wants_read_, SSL_ERROR_WANT_READ);
    }
  }
  if (total > 0) error = {};
  return total;
}

void Session::SendCloseNotify() {
  if (failed_ || !bound_ || SSL_in_init(ssl_.get()) != 0) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

// `other` is the direction that does not go without saying.
error_code Session::ErrorOf(int result, bool* wants_other, int other) {
  const int system_error = errno;
  const int kind = SSL_get_error(ssl_.get(), result);
  if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) {
    *wants_other = kind == other;
    return boost::asio::error::would_block;
  }
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (kind == SSL_ERROR_ZERO_RETURN) return boost::asio::error::eof;  // it may still be written to
  if (kind == SSL_ERROR_SSL && ERR_GET_REASON(code) != SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    failed_ = SslError(code);
  } else if (kind == SSL_ERROR_SYSCALL && system_error != 0) {
    failed_ = error_code(system_error, boost::system::system_category());
  } else {
    failed_ = boost::asio::error::eof;
  }
  return failed_;
}

std::string Session::Describe(const error_code& error) const {
  std::string text = error.message();
  const long verified = SSL_get_verify_result(ssl_.get());
  if (IsSsl(error) && ReasonOf(error) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    text.append(" (").append(X509_verify_cert_error_string(verified)).append(")");
  }
  return text;
}

}  // namespace topgun::tls
