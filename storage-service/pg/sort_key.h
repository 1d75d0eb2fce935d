// Where a cell stands in its primary key, after shard, kind and map: the first 12 bytes of what
// clients tend to count up (the tag of an OR cell, which starts with a time, the key of others),
// then 20 bytes of the sha256 of the length-prefixed key and the tag. The digest makes it unique
// and short, the rest lets rows that are created together be neighbours in the index
// (docs/adr/0009). One thread at a time.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "state/keys.h"

namespace topgun::pg {

using SortKey = std::array<unsigned char, 32>;

inline std::string_view BytesOf(const SortKey& key) {
  return {reinterpret_cast<const char*>(key.data()), key.size()};
}

// SHA256() looks the algorithm up each time, which takes longer than the digest of a key.
class SortKeyMaker {
 public:
  SortKeyMaker();

  SortKey Of(state::CellKind kind, std::string_view key, std::string_view tag);

 private:
  struct Free {
    void operator()(EVP_MD* digest) const { EVP_MD_free(digest); }
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  const std::unique_ptr<EVP_MD, Free> sha256_;
  const std::unique_ptr<EVP_MD_CTX, Free> context_;
  std::string text_;  // reused
};

}  // namespace topgun::pg
