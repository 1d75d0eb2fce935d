// One socket to Redis, with or without TLS, from connect to close: coalesced writes out, parsed
// replies in.
//
// A Link lives once; the connection makes a new one for each attempt. Its owner must call Close(),
// after which nothing is reported any more. Pending operations keep the Link alive, and the Link
// keeps its owner alive while it reports, so either may be dropped inside a report. Loop thread
// only.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/status.h"
#include "redis/reply.h"
#include "redis/security.h"
#include "tls/stream.h"

struct redisReader;

namespace topgun::redis {

class LinkOwner {
 public:
  virtual ~LinkOwner() = default;
  virtual void OnLinkOpen() = 0;
  virtual void OnLinkBytes() = 0;  // something arrived: the peer is alive
  virtual void OnLinkReply(Reply reply) = 0;
  virtual void OnLinkBroken(const Status& reason) = 0;  // at most once
};

class Link : public std::enable_shared_from_this<Link> {
 public:
  Link(boost::asio::io_context& io, std::shared_ptr<LinkOwner> owner);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // "unix:/path" or "host:port". TLS, if enabled, is for the latter. Nothing is reported before
  // this returns.
  void Open(const std::string& address, const TlsOptions& tls);
  // Copies; what one loop turn writes leaves in one system call.
  void Write(std::string_view bytes);
  void Write(std::string&& bytes);  // without a copy when nothing waits
  void Close();

 private:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using Endpoint = boost::asio::generic::stream_protocol::endpoint;

  void Resolve(std::string_view host, std::string_view port);
  Status PrepareTls(const TlsOptions& options, const std::string& host);
  void Connect(std::vector<Endpoint> endpoints);
  void Handshake();
  void Opened();
  void ScheduleFlush();
  void Flush();
  void Read();
  void Parse(std::string_view bytes);
  void PostBroken(Status reason);
  void Broken(const Status& reason);

  struct ReaderDeleter {
    void operator()(redisReader* reader) const;
  };

  boost::asio::io_context& io_;
  std::shared_ptr<LinkOwner> owner_;  // null once closed
  Socket socket_;
  boost::asio::ip::tcp::resolver resolver_;
  std::unique_ptr<tls::Stream<Socket&>> tls_;  // over socket_; null: plain text
  std::string server_name_;                    // that its certificate must be for
  std::unique_ptr<redisReader, ReaderDeleter> reader_;
  std::string waiting_;  // written next
  std::string writing_;  // in the system call
  bool flush_pending_ = false;
  std::array<char, 64 * 1024> input_;
};

}  // namespace topgun::redis
