#include "tls/credentials.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <utility>

#include "pem.h"

namespace topgun::tls {
namespace {

using Time = Credentials::Time;

constexpr size_t kFileBytesMax = size_t{1} << 20;

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using BioPtr = std::unique_ptr<BIO, FreeBio>;

BioPtr OpenText(const std::string& text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

Status Unreadable(std::string_view what, const std::string& path, int error) {
  const StatusCode code = error == ENOENT   ? StatusCode::kNotFound
                          : error == EACCES ? StatusCode::kPermissionDenied
                                            : StatusCode::kUnavailable;
  return MakeStatus(
      code, "cannot read the " + std::string(what) + " " + path + ": " + std::strerror(error));
}

StatusOr<std::string> ReadFile(std::string_view what, const std::string& path) {
  if (path.empty()) return std::string();
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rbe"));
  if (file == nullptr) return Unreadable(what, path, errno);
  std::string text(kFileBytesMax + 1, '\0');
  errno = 0;
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return Unreadable(what, path, errno);
  if (text.size() > kFileBytesMax) {
    return InvalidArgument("the " + std::string(what) + " " + path + " is larger than 1 MiB");
  }
  return text;
}

StatusOr<Time> TimeOf(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return InvalidArgument("has an unreadable date");
  return std::chrono::system_clock::from_time_t(timegm(&parts));
}

std::string SubjectOf(const X509* certificate) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<size_t>(size)};
}

// A file of certificates, as far as it concerns all of them.
struct Chain {
  CertificateList certificates;
  Time first_end = Time::max();
  Time last_end = Time::min();
};

StatusOr<Chain> CheckCertificates(std::string_view what, const std::string& path,
                                  const std::string& pem) {
  const std::string file = "the " + std::string(what) + " " + path;
  Chain chain{.certificates = ParseCertificates(pem)};
  if (chain.certificates.empty()) {
    return InvalidArgument(file + " holds no certificate in PEM format");
  }
  for (const CertificatePtr& each : chain.certificates) {
    const StatusOr<Time> end = TimeOf(X509_get0_notAfter(each.get()));
    if (!end.ok()) return Annotate(end.status(), file);
    chain.first_end = std::min(chain.first_end, *end);
    chain.last_end = std::max(chain.last_end, *end);
  }
  return chain;
}

Status CheckPair(const TlsFiles& files, const FileContents& contents, const Chain& chain) {
  const StatusOr<KeyPtr> key = ParseKey(contents.key);
  if (!key.ok()) return Annotate(key.status(), "the TLS key " + files.key);
  if (X509_check_private_key(chain.certificates.front().get(), key->get()) != 1) {
    ERR_clear_error();
    return InvalidArgument("the TLS key " + files.key + " does not belong to the certificate " +
                           files.certificate);
  }
  return OkStatus();
}

// OpenSSL would ask for the passphrase at the terminal.
int NoPassphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

}  // namespace

CertificateList ParseCertificates(const std::string& pem) {
  CertificateList certificates;
  const BioPtr text = OpenText(pem);
  while (X509* const each = PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(each);
  }
  ERR_clear_error();
  return certificates;
}

StatusOr<KeyPtr> ParseKey(const std::string& pem) {
  const BioPtr text = OpenText(pem);
  bool asked = false;
  KeyPtr key(PEM_read_bio_PrivateKey(text.get(), nullptr, NoPassphrase, &asked));
  ERR_clear_error();
  if (asked) return InvalidArgument("has a passphrase; only keys without one can be used");
  if (key == nullptr) return InvalidArgument("holds no private key in PEM format");
  return key;
}

StatusOr<FileContents> ReadFiles(const TlsFiles& files) {
  if (files.certificate.empty() != files.key.empty()) {
    return InvalidArgument(files.key.empty()
                               ? "the TLS certificate " + files.certificate + " lacks its key file"
                               : "the TLS key " + files.key + " lacks its certificate file");
  }
  FileContents contents;
  ASSIGN_OR_RETURN(contents.certificate, ReadFile("TLS certificate", files.certificate));
  ASSIGN_OR_RETURN(contents.key, ReadFile("TLS key", files.key));
  ASSIGN_OR_RETURN(contents.ca, ReadFile("TLS CA file", files.ca));
  return contents;
}

StatusOr<Credentials> CheckContents(const TlsFiles& files, FileContents contents, Time now) {
  Credentials credentials;
  if (!files.certificate.empty()) {
    ASSIGN_OR_RETURN(const Chain chain,
                     CheckCertificates("TLS certificate", files.certificate, contents.certificate));
    RETURN_IF_ERROR(CheckPair(files, contents, chain));
    const X509* const own = chain.certificates.front().get();
    credentials.subject = SubjectOf(own);
    credentials.certificate_expires = chain.first_end;
    const StatusOr<Time> begin = TimeOf(X509_get0_notBefore(own));
    if (begin.ok() && *begin > now) {
      credentials.warnings.push_back("the TLS certificate " + files.certificate +
                                     " is not valid yet");
    }
    if (chain.first_end <= now) {
      credentials.warnings.push_back("the TLS certificate " + files.certificate + " has expired");
    }
  }
  if (!files.ca.empty()) {
    ASSIGN_OR_RETURN(const Chain chain, CheckCertificates("TLS CA file", files.ca, contents.ca));
    credentials.ca_expires = chain.last_end;
    if (chain.last_end <= now) {
      credentials.warnings.push_back("the TLS CA file " + files.ca + " has expired");
    }
  }
  credentials.certificate_pem = std::move(contents.certificate);
  credentials.key_pem = std::move(contents.key);
  credentials.ca_pem = std::move(contents.ca);
  return credentials;
}

StatusOr<Credentials> LoadCredentials(const TlsFiles& files, Time now) {
  ASSIGN_OR_RETURN(FileContents contents, ReadFiles(files));
  return CheckContents(files, std::move(contents), now);
}

}  // namespace topgun::tls
