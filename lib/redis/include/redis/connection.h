// One pipelined Redis connection on an Asio loop: our command formatter and hiredis' reply reader
// over our own stream.
//
// Threads: everything on the loop that `io` runs on. Ownership: the creator; callbacks and events
// may close or destroy the connection. No callback runs after Close() or destruction, which both
// fail what is pending first; Send() on a closed connection fails before it returns.
//
// Connects by itself and reconnects with backoff (50 ms doubling to 1 s, jittered). A server that
// is loading its data or is a replica counts as not connected, and READONLY breaks the connection.
// Commands sent while disconnected, and commands in flight when the connection breaks, complete
// with UNAVAILABLE: the caller cannot know whether the latter ran. The callbacks of the latter come
// before the event `disconnected`. Never calls back from inside Send(), except when closed.
//
// A server may change its run while we are connected: a primary takes a new replication id when its
// first replica comes and some time after its last one has gone. Connections that were made before
// and after would call one server by two runs for ever, so each looks again from time to time and
// breaks when the run is another one.
//
// Limits: bytes of commands waiting or in flight (RESOURCE_EXHAUSTED above), a time-out after which
// a silent connection is broken. Output of one loop turn leaves in one write.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>

#include "base/status.h"
#include "redis/reply.h"
#include "redis/security.h"
#include "redis/transaction.h"
#include "state/scripts.h"

namespace topgun::redis {

struct ConnectionOptions {
  std::string address;     // unix:/path/redis.sock or host:port
  Security security = {};  // login and TLS
  std::string client_name = "topgun";
  // No byte for this long while connecting or with commands in flight: broken.
  std::chrono::milliseconds timeout{5000};
  uint64_t pending_bytes_max = 256ull << 20;
  // How often the run is looked at again.
  std::chrono::milliseconds run_check{5000};
  // Only to ask about others: also a replica, a server that loads its data, or a Sentinel will do.
  // The run is empty.
  bool any_role = false;
};

class Connection {
 public:
  // `reply` is an error status, or a reply that is no error (error replies arrive as
  // ErrorStatus()).
  using Callback = std::function<void(StatusOr<Reply> reply)>;
  using Args = std::span<const std::string_view>;

  struct Events {
    // After each successful connect, before any queued command: `run` is
    // "<run_id>/<master_replid>".
    std::function<void(const std::string& run)> connected;
    // A connection that had reported `connected` is gone.
    std::function<void(const Status& reason)> disconnected;
    // An attempt to connect failed; the next follows by itself.
    std::function<void(const Status& reason)> connect_failed = nullptr;
    // A command has not run because this node of a cluster is not, or not quite, its place. Comes
    // after the command's callback.
    std::function<void(Redirect redirect)> redirected = nullptr;
  };

  Connection(boost::asio::io_context& io, ConnectionOptions options, Events events);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void Start();
  void Close();
  bool connected() const;
  // Run of the current connection; empty while disconnected.
  const std::string& run() const;
  uint64_t pending_bytes() const;

  // Arguments are copied into the output buffer before returning.
  void Send(Args args, Callback callback);
  void Send(std::initializer_list<std::string_view> args, Callback callback);
  // EVALSHA; loads the script and repeats once on NOSCRIPT (nothing has run then, but commands sent
  // later overtake it). `keys_and_args`: key_count keys, then arguments. `script` must outlive it.
  void Eval(const state::Script& script, size_t key_count, Args keys_and_args, Callback callback);
  // One callback for the whole, with EXEC's reply: nil when a watched key was touched, so that
  // nothing was done, else an array with the reply of each command, which may be an error (of a
  // command that ran; the others ran as well). An error status: a command was refused, none ran.
  void Transact(Transaction transaction, Callback callback);
  // Commands that block on the server (XREAD BLOCK): the time-out of the options plus `extra`.
  void SendBlocking(Args args, std::chrono::milliseconds extra, Callback callback);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace topgun::redis
