#ifndef HOLDFAST_POOL_NET_LIBRARY_MEMORY_H_
#define HOLDFAST_POOL_NET_LIBRARY_MEMORY_H_

#include <cstddef>

// Memory for libraries that take and give back many pieces: OpenSSL more than a thousand small ones
// for each handshake and two of 17 KiB for each record, nghttp2 a dozen for each stream. The C
// library keeps only seven of a size for a thread, and takes a lock for others, since the process
// has threads. Here a thread keeps what it gives back for what it takes next, and so the same few
// pieces serve all of its connections one after the other.
//
// Each piece is one of the C library's, and may be given back by another thread than took it. What
// a thread keeps is its own, goes back to the C library when it ends, and is bounded. Any thread.

namespace holdfast::pool::library_memory {

// A thread keeps no more than that; on the way beyond it lets go of everything.
inline constexpr size_t kMaxKept = size_t{1} << 20;
// Pieces that are longer are not kept. OpenSSL's own buffers are of 16 to 22 KiB.
inline constexpr size_t kLongest = 24 * 1024;

// False under sanitizers, which are to look at each piece: a library is then left to itself.
bool MayBeUsed();

// As malloc, realloc and free; of nothing Take gives null.
void* Take(size_t size);
void* Resize(void* piece, size_t size);
void Give(void* piece);

// What this thread keeps, in bytes.
size_t Kept();
// Lets go of it.
void Release();

}  // namespace holdfast::pool::library_memory

#endif  // HOLDFAST_POOL_NET_LIBRARY_MEMORY_H_
