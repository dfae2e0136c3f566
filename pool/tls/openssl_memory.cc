#include "pool/tls/openssl_memory.h"

#include <cstddef>

#include <openssl/crypto.h>

#include "pool/net/library_memory.h"

namespace holdfast::pool {
namespace {

void* Take(size_t size, const char*, int) { return library_memory::Take(size); }
void* Resize(void* piece, size_t size, const char*, int) {
  return library_memory::Resize(piece, size);
}
void Give(void* piece, const char*, int) { library_memory::Give(piece); }

bool Use() {
  CRYPTO_malloc_fn taken_from = nullptr;
  CRYPTO_get_mem_functions(&taken_from, nullptr, nullptr);
  if (!library_memory::MayBeUsed() || taken_from != &CRYPTO_malloc) return false;
  return CRYPTO_set_mem_functions(Take, Resize, Give) == 1;
}

}  // namespace

bool UsesLibraryMemory() {
  static const bool used = Use();
  return used;
}

void UseLibraryMemory() { UsesLibraryMemory(); }

}  // namespace holdfast::pool
