#ifndef HOLDFAST_POOL_TLS_DIGEST_H_
#define HOLDFAST_POOL_TLS_DIGEST_H_

#include <string>
#include <string_view>

namespace holdfast::pool {

// Digests, as bytes. Pure; any thread.

// 32 bytes.
std::string Sha256(std::string_view bytes);
// 20 bytes. Protects nothing any more: for protocols that have it in their texts.
std::string Sha1(std::string_view bytes);

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_TLS_DIGEST_H_
