#include "gateway/http2/session_memory.h"

#include <cstddef>
#include <cstring>

#include "pool/net/library_memory.h"

namespace holdfast::http2 {
namespace {

using pool::library_memory::Give;
using pool::library_memory::Resize;
using pool::library_memory::Take;

void* TakeZeroed(size_t count, size_t size, void*) {
  size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) return nullptr;
  void* const piece = Take(bytes);
  return piece == nullptr ? nullptr : std::memset(piece, 0, bytes);
}

// It copies these.
nghttp2_mem memory = {
    .mem_user_data = nullptr,
    .malloc = [](size_t size, void*) { return Take(size); },
    .free = [](void* piece, void*) { Give(piece); },
    .calloc = &TakeZeroed,
    .realloc = [](void* piece, size_t size, void*) { return Resize(piece, size); },
};

}  // namespace

nghttp2_mem* SessionMemory() { return pool::library_memory::MayBeUsed() ? &memory : nullptr; }

}  // namespace holdfast::http2
