// TLS streams over real sockets, both ends on one loop.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "support/certificates.h"
#include "tls/context.h"
#include "tls/stream.h"

namespace topgun::tls {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using support::CertificateAuthority;
using testing::HasSubstr;

const std::vector<std::string> kStreamHosts = {"localhost", "127.0.0.1"};

// A connected pair of sockets.
struct Sockets {
  Sockets() {
    tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    client.connect(acceptor.local_endpoint());
    server = acceptor.accept();
  }

  asio::io_context io{1};
  tcp::socket client{io};
  tcp::socket server{io};
};

// Both ends of a connection. Who fails closes, so the other one does not wait for ever.
struct Connection : Sockets {
  Connection(const ContextPtr& server_context, const ContextPtr& client_context,
             const std::string& name = "localhost")
      : server_end(server, server_context, Role::kServer),
        client_end(client, client_context, Role::kClient) {
    EXPECT_TRUE(client_end.session().SetServerName(name).ok());
    server_end.async_handshake([this](error_code error) {
      server_error = error;
      if (error) server.close();
    });
    client_end.async_handshake([this](error_code error) {
      client_error = error;
      if (error) client.close();
    });
    io.run();
    io.restart();
  }

  bool works() { return !server_error && !client_error && Echo("hello") == "hello"; }

  // What comes back from the server when it sends back what it gets.
  std::string Echo(const std::string& text) {
    std::string received(text.size(), '\0');
    std::string returned(text.size(), '\0');
    asio::async_read(server_end, asio::buffer(received), [&](error_code error, size_t) {
      if (error) return;
      asio::async_write(server_end, asio::buffer(received), [](error_code, size_t) {});
    });
    asio::async_read(client_end, asio::buffer(returned), [](error_code, size_t) {});
    // Several small pieces in front, as HTTP sends them.
    const size_t first = std::min<size_t>(text.size(), 3);
    const std::array<asio::const_buffer, 3> pieces = {
        asio::buffer(text.data(), first), asio::const_buffer(),
        asio::buffer(text.data() + first, text.size() - first)};
    asio::async_write(client_end, pieces, [](error_code, size_t) {});
    io.run();
    io.restart();
    return returned;
  }

  Stream<tcp::socket&> server_end;
  Stream<tcp::socket&> client_end;
  error_code server_error;
  error_code client_error;
};

class StreamTest : public testing::Test {
 protected:
  StreamTest() { std::signal(SIGPIPE, SIG_IGN); }

  Credentials Load(const TlsFiles& files) {
    auto loaded = LoadCredentials(files, std::chrono::system_clock::now());
    EXPECT_TRUE(loaded.ok()) << ToString(loaded.status());
    return *std::move(loaded);
  }
  ContextPtr ServerContext(const ServerRules& rules = {}) {
    auto context = MakeServerContext(
        Load({.certificate = pair_.certificate, .key = pair_.key, .ca = authority_.file()}), rules);
    EXPECT_TRUE(context.ok()) << ToString(context.status());
    return *context;
  }
  ContextPtr ClientContext(const TlsFiles& files, const ClientRules& rules = {}) {
    auto context = MakeClientContext(Load(files), rules);
    EXPECT_TRUE(context.ok()) << ToString(context.status());
    return *context;
  }
  ContextPtr ClientContext(const ClientRules& rules = {}) {
    return ClientContext({.certificate = {}, .key = {}, .ca = authority_.file()}, rules);
  }

  CertificateAuthority authority_;
  CertificateAuthority::Pair pair_ = authority_.Issue("server", kStreamHosts);
};

TEST_F(StreamTest, CarriesDataBothWays) {
  Connection connection(ServerContext(), ClientContext());
  ASSERT_TRUE(connection.works()) << connection.client_end.session().Describe(
      connection.client_error);
  std::string large(3'000'000, '\0');
  for (size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 31 >> 3);
  EXPECT_TRUE(connection.Echo(large) == large);
  EXPECT_EQ(connection.Echo("x"), "x");
}

TEST_F(StreamTest, TheServerMustBeWhoTheClientWants) {
  EXPECT_TRUE(Connection(ServerContext(), ClientContext(), "127.0.0.1").works());
  for (const char* name : {"example.org", "127.0.0.2"}) {
    const Connection connection(ServerContext(), ClientContext(), name);
    EXPECT_EQ(FailureOf(connection.client_error), HandshakeFailure::kCertificate) << name;
    EXPECT_THAT(connection.client_end.session().Describe(connection.client_error),
                HasSubstr("mismatch"));
    EXPECT_EQ(FailureOf(connection.server_error), HandshakeFailure::kRefused) << name;
  }
  EXPECT_TRUE(
      Connection(ServerContext(), ClientContext({.verify = false, .alpn = {}}), "example.org")
          .works());
}

TEST_F(StreamTest, AnotherAuthorityIsNotTrusted) {
  const CertificateAuthority other;
  const TlsFiles only_other{.certificate = {}, .key = {}, .ca = other.file()};
  const Connection connection(ServerContext(), ClientContext(only_other));
  EXPECT_EQ(FailureOf(connection.client_error), HandshakeFailure::kCertificate);
  EXPECT_EQ(FailureOf(connection.server_error), HandshakeFailure::kRefused);
}

TEST_F(StreamTest, ClientsProveWhoTheyAreIfTheyMust) {
  const ContextPtr server = ServerContext({.require_client_certificate = true, .alpn = {}});
  const CertificateAuthority::Pair known = authority_.Issue("client", kStreamHosts);
  EXPECT_TRUE(Connection(server, ClientContext({.certificate = known.certificate,
                                                .key = known.key,
                                                .ca = authority_.file()}))
                  .works());
  EXPECT_EQ(FailureOf(Connection(server, ClientContext()).server_error),
            HandshakeFailure::kCertificate);
  const CertificateAuthority other;
  const CertificateAuthority::Pair stranger = other.Issue("stranger", kStreamHosts);
  const Connection refused(server, ClientContext({.certificate = stranger.certificate,
                                                  .key = stranger.key,
                                                  .ca = authority_.file()}));
  EXPECT_EQ(FailureOf(refused.server_error), HandshakeFailure::kCertificate);
}

TEST_F(StreamTest, AgreesOnAProtocol) {
  const ContextPtr server =
      ServerContext({.require_client_certificate = false, .alpn = {"http/1.1"}});
  EXPECT_TRUE(
      Connection(server, ClientContext({.verify = true, .alpn = {"h2", "http/1.1"}})).works());
  EXPECT_TRUE(Connection(server, ClientContext()).works());
  const Connection refused(server, ClientContext({.verify = true, .alpn = {"h2"}}));
  EXPECT_EQ(FailureOf(refused.server_error), HandshakeFailure::kNoCommon);
}

TEST_F(StreamTest, OldVersionsAreRefused) {
  const ContextPtr old = ClientContext();
  SSL_CTX_set_min_proto_version(old.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(old.get(), TLS1_1_VERSION);
  SSL_CTX_set_cipher_list(old.get(), "DEFAULT@SECLEVEL=0");
  const Connection connection(ServerContext(), old);
  EXPECT_EQ(FailureOf(connection.server_error), HandshakeFailure::kNoCommon);
}

TEST_F(StreamTest, TellsPlainTextApart) {
  const auto failure_of = [this](const std::string& sent) {
    Sockets sockets;
    asio::write(sockets.client, asio::buffer(sent));
    sockets.client.shutdown(tcp::socket::shutdown_send);
    Stream<tcp::socket&> stream(sockets.server, ServerContext(), Role::kServer);
    error_code error;
    stream.async_handshake([&](error_code result) { error = result; });
    sockets.io.run();
    return FailureOf(error);
  };
  EXPECT_EQ(failure_of("GET /ws HTTP/1.1\r\nHost: x\r\n\r\n"), HandshakeFailure::kPlainHttp);
  EXPECT_EQ(failure_of("SSH-2.0-OpenSSH_9.2\r\n"), HandshakeFailure::kPlainText);
  EXPECT_EQ(failure_of(""), HandshakeFailure::kClosed);
}

TEST_F(StreamTest, TheEndIsTheEnd) {
  Connection connection(ServerContext(), ClientContext());
  ASSERT_TRUE(connection.works());
  const auto next_error = [&connection] {
    std::array<char, 16> space{};
    error_code error;
    connection.client_end.async_read_some(asio::buffer(space),
                                          [&](error_code result, size_t) { error = result; });
    connection.io.run();
    connection.io.restart();
    return error;
  };
  connection.server_end.session().SendCloseNotify();
  EXPECT_EQ(next_error(), error_code(asio::error::eof));
  connection.server.close();
  EXPECT_EQ(next_error(), error_code(asio::error::eof));

  Connection cut(ServerContext(), ClientContext());
  ASSERT_TRUE(cut.works());
  cut.server.close();
  std::array<char, 16> space{};
  std::optional<error_code> error;
  cut.client_end.async_read_some(asio::buffer(space),
                                 [&](error_code result, size_t) { error = result; });
  cut.io.run();
  EXPECT_EQ(error, error_code(asio::error::eof));
}

// A reader that waits sees data that came in one piece with what it has read.
TEST_F(StreamTest, WaitingSeesWhatHasBeenReceivedAlready) {
  Connection connection(ServerContext(), ClientContext());
  ASSERT_TRUE(connection.works());
  error_code error;
  connection.client_end.write_some(asio::buffer(std::string("first")), error);
  connection.client_end.write_some(asio::buffer(std::string("second")), error);
  ASSERT_FALSE(error);
  std::string received;
  std::array<char, 5> space{};
  while (received.size() < 11) {
    bool ready = false;
    connection.server_end.async_wait(tcp::socket::wait_read, [&](error_code) { ready = true; });
    connection.io.run();
    connection.io.restart();
    ASSERT_TRUE(ready);
    const size_t size = connection.server_end.read_some(asio::buffer(space), error);
    if (error != asio::error::would_block) {
      ASSERT_FALSE(error);
    }
    received.append(space.data(), size);
  }
  EXPECT_EQ(received, "firstsecond");
}

}  // namespace
}  // namespace topgun::tls
