#ifndef HOLDFAST_POOL_TLS_OPENSSL_MEMORY_H_
#define HOLDFAST_POOL_TLS_OPENSSL_MEMORY_H_

namespace holdfast::pool {

// From now on OpenSSL's memory comes from net/library_memory, unless it has taken some already or
// somebody else provides it. Idempotent. Any thread.
void UseLibraryMemory();
bool UsesLibraryMemory();

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_TLS_OPENSSL_MEMORY_H_
