#include "pool/net/library_memory.h"

#include <malloc.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HOLDFAST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HOLDFAST_SANITIZED 1
#endif
#endif

namespace holdfast::pool::library_memory {
namespace {

#ifdef HOLDFAST_SANITIZED
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

// The C library's pieces have this much room more than a multiple of kGrain. With another one's
// they are filed as if they were somewhat shorter.
constexpr size_t kExtra = 8;
constexpr size_t kGrain = 16;
constexpr size_t kKinds = (kLongest - kExtra) / kGrain + 1;

constexpr size_t BytesOf(size_t kind) { return kind * kGrain + kExtra; }
// Of the shortest pieces that have room for `size`.
constexpr size_t KindFor(size_t size) { return std::max<size_t>((size + kExtra - 1) / kGrain, 1); }
// Which a piece with that much room is.
constexpr size_t KindOf(size_t room) { return (room - kExtra) / kGrain; }
static_assert(BytesOf(KindFor(24)) == 24 && BytesOf(KindFor(25)) == 40 && KindOf(40) == 2);

struct Piece {
  Piece* next;
};

// No destructor: the library gives pieces back after those of a thread have run.
struct Store {
  std::array<Piece*, kKinds> first{};  // by kind
  size_t bytes = 0;
  bool closed = false;
};
constinit thread_local Store store;

struct ReleaseAtThreadEnd {
  ~ReleaseAtThreadEnd() {
    store.closed = true;
    Release();
  }
  void Arm() {}
};
thread_local ReleaseAtThreadEnd release_at_thread_end;

void Keep(void* memory, size_t kind) {
  if (store.bytes == 0) release_at_thread_end.Arm();
  if (store.bytes + BytesOf(kind) > kMaxKept) Release();
  auto* const piece = static_cast<Piece*>(memory);
  piece->next = store.first[kind];
  store.first[kind] = piece;
  store.bytes += BytesOf(kind);
}

}  // namespace

bool MayBeUsed() { return !kSanitized; }

void* Take(size_t size) {
  if (size == 0) return nullptr;
  if (size > BytesOf(kKinds - 1)) return std::malloc(size);
  const size_t kind = KindFor(size);
  Piece* const piece = store.first[kind];
  if (piece == nullptr) return std::malloc(BytesOf(kind));
  store.first[kind] = piece->next;
  store.bytes -= BytesOf(kind);
  return piece;
}

void* Resize(void* piece, size_t size) {
  if (piece == nullptr) return Take(size);
  if (size != 0) return std::realloc(piece, size);
  Give(piece);
  return nullptr;
}

void Give(void* piece) {
  if (piece == nullptr) return;
  const size_t kind = KindOf(malloc_usable_size(piece));
  if (kind >= kKinds || store.closed) return std::free(piece);
  Keep(piece, kind);
}

size_t Kept() { return store.bytes; }

void Release() {
  for (Piece*& first : store.first) {
    while (first != nullptr) {
      Piece* const piece = first;
      first = piece->next;
      std::free(piece);
    }
  }
  store.bytes = 0;
}

}  // namespace holdfast::pool::library_memory
