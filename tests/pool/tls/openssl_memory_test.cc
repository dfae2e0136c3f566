#include "pool/tls/openssl_memory.h"

#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include "pool/tls/context_setup.h"

namespace holdfast::pool {
namespace {

TEST(OpensslMemory, IsUsedWhereTheLibrarySaysSo) {
  InitLibrary();
  CRYPTO_malloc_fn taken_from = nullptr;
  CRYPTO_get_mem_functions(&taken_from, nullptr, nullptr);
  EXPECT_EQ(UsesLibraryMemory(), taken_from != &CRYPTO_malloc);
}

}  // namespace
}  // namespace holdfast::pool
