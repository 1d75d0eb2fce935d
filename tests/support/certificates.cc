#include "support/certificates.h"

#include <arpa/inet.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <utility>

#include "support/child_process.h"

namespace topgun::support {
namespace {

namespace fs = std::filesystem;

bool IsAddress(const std::string& host) {
  std::array<char, sizeof(in6_addr)> parsed{};
  return inet_pton(AF_INET, host.c_str(), parsed.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), parsed.data()) == 1;
}

}  // namespace

CertificateAuthority::CertificateAuthority() {
  fs::permissions(dir_.path(), fs::perms(0755));
  // Of the system's configuration nothing is wanted.
  std::ofstream(dir_ / "openssl.cnf") << "[req]\ndistinguished_name=dn\n[dn]\n";
  RunOpenssl({"-keyout", dir_ / "ca.key", "-out", file(), "-subj", "/CN=authority of a test",
              "-addext", "basicConstraints=critical,CA:TRUE", "-addext",
              "keyUsage=critical,keyCertSign"});
}

CertificateAuthority::Pair CertificateAuthority::Issue(
    const std::string& name, const std::vector<std::string>& hosts) const {
  const Pair pair{dir_ / (name + ".crt"), dir_ / (name + ".key")};
  std::string names;
  for (const std::string& host : hosts) {
    names += (names.empty() ? "" : ",") + std::string(IsAddress(host) ? "IP:" : "DNS:") + host;
  }
  std::vector<std::string> arguments = {"-keyout", pair.key + ".new",
                                        "-out",    pair.certificate + ".new",
                                        "-subj",   "/CN=" + name,
                                        "-addext", "basicConstraints=critical,CA:FALSE",
                                        "-CA",     file(),
                                        "-CAkey",  dir_ / "ca.key"};
  if (!names.empty()) {
    arguments.insert(arguments.end(), {"-addext", "subjectAltName=" + names});
  }
  RunOpenssl(std::move(arguments));
  fs::permissions(pair.key + ".new", fs::perms(0644));
  fs::rename(pair.key + ".new", pair.key);
  fs::rename(pair.certificate + ".new", pair.certificate);
  return pair;
}

void CertificateAuthority::RunOpenssl(std::vector<std::string> arguments) const {
  std::vector<std::string> command = {"openssl",
                                      "req",
                                      "-x509",
                                      "-newkey",
                                      "ec",
                                      "-pkeyopt",
                                      "ec_paramgen_curve:prime256v1",
                                      "-nodes",
                                      "-days",
                                      "2",
                                      "-config",
                                      dir_ / "openssl.cnf"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  RunCommand(command, {.output_path = dir_ / "openssl.log", .user = "", .environment = {}});
}

}  // namespace topgun::support
