#include "backend/rpc_client.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <future>
#include <initializer_list>
#include <utility>

#include "rpc/channel.h"
#include "rpc/status.h"
#include "rpc/tls_settings.h"

namespace topgun::ctl {
namespace {

constexpr char kHandshake[] =
    "; the two ends do not accept each other's certificates: see --grpc-tls-ca-file, and "
    "--grpc-tls-peer-names here and there";
constexpr char kRefused[] =
    "; it speaks plain text, or does not accept this certificate: see its --grpc-tls-ca-file and "
    "--grpc-tls-peer-names";
constexpr char kPlain[] =
    "; it may want TLS: --grpc-tls-certificate-file, --grpc-tls-key-file, --grpc-tls-ca-file";
constexpr char kSlow[] = "; --timeout gives it more time";
constexpr char kOther[] = "; it is another service, or of another version";

bool Mentions(std::string_view text, std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) {
    if (text.find(word) != std::string_view::npos) return true;
  }
  return false;
}

// gRPC's own words about a connection, not those of a service that is up and says UNAVAILABLE.
bool IsAboutConnection(std::string_view text) {
  return Mentions(text, {"ipv4:", "ipv6:", "unix:", "last error", "all addresses", "all backends",
                         "ocket closed", "GOAWAY"});
}

// Nobody listens there, or nothing gets there: whatever would have been spoken.
bool IsAboutNetwork(std::string_view text) {
  return Mentions(text, {"refused", "No route", "unreachable", "imed out", "No such file"});
}

}  // namespace

std::string WayOut(const Status& status, bool encrypted) {
  const std::string_view text = Message(status);
  switch (status.code()) {
    case StatusCode::kUnavailable:
      if (!IsAboutConnection(text) || IsAboutNetwork(text)) return {};
      if (Mentions(text, {"andshake", "ertificate", "CERTIFICATE", "erification", "SSL"})) {
        return kHandshake;
      }
      return encrypted ? kRefused : kPlain;
    case StatusCode::kDeadlineExceeded:
      return kSlow;
    case StatusCode::kUnimplemented:
      return kOther;
    default:
      return {};
  }
}

RpcClient::RpcClient(RpcTarget target, const rpc::Credentials& credentials,
                     std::chrono::milliseconds timeout)
    : target_(std::move(target)),
      encrypted_(credentials.channel != nullptr),
      timeout_(timeout),
      channel_(rpc::MakeChannel(target_.address, {.credentials = credentials,
                                                  .server_name = target_.host,
                                                  .follow_health = false,
                                                  .connect_timeout_min = timeout})) {}

void RpcClient::SetDeadline(grpc::ClientContext& context) const {
  context.set_deadline(std::chrono::system_clock::now() + timeout_);
}

Status RpcClient::Explain(const grpc::Status& status, std::string_view method) const {
  const Status plain = rpc::FromGrpc(status);
  if (plain.ok()) return plain;
  std::string text = target_.name;
  if (target_.name != target_.address) text += " (" + target_.address + ")";
  text.append(": ").append(method).append(": ");
  // gRPC says nothing more about some.
  text.append(Message(plain).empty() ? absl::StatusCodeToString(plain.code()) : Message(plain));
  return MakeStatus(plain.code(), text + WayOut(plain, encrypted_));
}

StatusOr<std::string> RpcClient::Call(const std::string& method, const std::string& request) const {
  grpc::GenericStub stub(channel_);
  grpc::ClientContext context;
  SetDeadline(context);
  const grpc::Slice sent(request);
  const grpc::ByteBuffer request_buffer(&sent, 1);
  grpc::ByteBuffer response;
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, method, {}, &request_buffer, &response,
                 [&done](grpc::Status status) { done.set_value(std::move(status)); });
  const grpc::Status status = done.get_future().get();
  RETURN_IF_ERROR(Explain(status, std::string_view(method).substr(1)));
  grpc::Slice received;
  if (!response.DumpToSingleSlice(&received).ok()) return std::string();
  return std::string(reinterpret_cast<const char*>(received.begin()), received.size());
}

RpcDialer::RpcDialer(RpcOptions options)
    : options_(std::move(options)), credentials_(rpc::MakeCredentials(options_.tls)) {}

StatusOr<RpcDialer> RpcDialer::Make(RpcOptions options, const std::vector<RpcTarget>& targets) {
  std::vector<rpc::UsedAddress> used;
  for (const RpcTarget& target : targets) used.push_back({"--rpc", target.address});
  const Status checked = rpc::CheckTls(options.tls, used, options.allow_plaintext);
  // All of it is about the command line.
  if (!checked.ok()) return InvalidArgument(Message(checked));
  return RpcDialer(std::move(options));
}

}  // namespace topgun::ctl
