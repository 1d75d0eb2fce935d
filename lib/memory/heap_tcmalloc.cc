#include <gperftools/malloc_extension.h>

#include "heap.h"

namespace topgun::memory {
namespace {

uint64_t TcmallocProperty(const char* name) {
  size_t value = 0;
  MallocExtension::instance()->GetNumericProperty(name, &value);
  return value;
}

}  // namespace

uint64_t FreePageBytes() { return TcmallocProperty("tcmalloc.pageheap_free_bytes"); }

uint64_t ReturnPages(uint64_t bytes) {
  const uint64_t before = TcmallocProperty("tcmalloc.pageheap_unmapped_bytes");
  MallocExtension::instance()->ReleaseToSystem(bytes);
  const uint64_t after = TcmallocProperty("tcmalloc.pageheap_unmapped_bytes");
  // Other threads map pages again meanwhile.
  return after > before ? after - before : 0;
}

}  // namespace topgun::memory
