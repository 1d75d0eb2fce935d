#include "distributed/agent_main.h"

#include <cstdio>

#include "distributed/agent_service.h"
#include "exit_code.h"
#include "options/distributed.h"
#include "options/option_parser.h"
#include "rpc/server.h"
#include "rpc/shutdown.h"
#include "rpc/tls_settings.h"

namespace topgun::loadgen {
namespace {

constexpr const char* kAgentDescription =
    "topgun-loadgen agent: waits for a coordinator (topgun-loadgen --agents HOST:PORT,...) and\n"
    "drives its share of the load. JWT_SECRET must be set unless the target needs no tokens.";

constexpr const char* kAgentFooter =
    "Without --grpc-tls-certificate-file whoever reaches the port can make this machine send load\n"
    "anywhere. Keep it inside a private network then.";

constexpr std::chrono::seconds kShutdownTimeout{10};

int Fail(const Status& status) {
  std::fprintf(stderr, "topgun-loadgen agent: %s\n", std::string(Message(status)).c_str());
  return kExitUsage;
}

}  // namespace

int AgentMain(const std::vector<std::string>& arguments) {
  std::string listen = "127.0.0.1:7070";
  rpc::TlsOptions tls;
  bool once = false;
  OptionParser parser(kAgentDescription, kAgentFooter);
  parser.BeginGroup("Agent");
  parser.Text("--listen", "HOST:PORT", listen,
              "Where coordinators connect; without HOST everywhere");
  parser.Flag("--once", once,
              "End when the first coordinator has no more runs, for a Kubernetes Job");
  RegisterTlsOptions(parser, tls);
  if (const Status parsed = parser.Parse(arguments); !parsed.ok()) return Fail(parsed);
  if (parser.help_wanted()) {
    std::fputs(parser.HelpText().c_str(), stdout);
    return kExitOk;
  }

  if (const Status checked = rpc::CheckTls(tls, {}, {}); !checked.ok()) return Fail(checked);
  rpc::SignalWaiter signals;
  metrics::Registry registry("topgun-loadgen-agent");
  AgentService service([once] {
    if (once) rpc::SignalWaiter::RequestStop();
  });
  rpc::Server server({.listen = listen.starts_with(':') ? "0.0.0.0" + listen : listen,
                      .credentials = rpc::MakeCredentials(tls)},
                     registry);
  server.AddService(&service);
  if (const Status started = server.Start(); !started.ok()) return Fail(started);
  server.SetServing(true);
  std::fprintf(stderr, "topgun-loadgen agent: waiting for runs on port %u\n", server.port());
  signals.Wait();
  service.Interrupt();
  server.Shutdown(kShutdownTimeout);
  return kExitOk;
}

}  // namespace topgun::loadgen
