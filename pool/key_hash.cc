#include "pool/key_hash.h"

#include <xxhash.h>

namespace holdfast::pool {

uint64_t HashBytes(std::string_view bytes, uint64_t seed) {
  return XXH64(bytes.data(), bytes.size(), seed);
}

}  // namespace holdfast::pool
