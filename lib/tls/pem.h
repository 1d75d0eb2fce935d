// PEM text as OpenSSL's objects.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"

namespace topgun::tls {

struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using CertificatePtr = std::unique_ptr<X509, FreeCertificate>;
using CertificateList = std::vector<CertificatePtr>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeKey>;

// In the order of the text; stops at what is no certificate.
CertificateList ParseCertificates(const std::string& pem);
// An error says what is wrong, without the file.
StatusOr<KeyPtr> ParseKey(const std::string& pem);

}  // namespace topgun::tls
