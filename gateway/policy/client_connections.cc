#include "gateway/policy/client_connections.h"

#include <algorithm>
#include <atomic>

#include "gateway/policy/rate_limiter.h"
#include "pool/key_hash.h"
#include "pool/net/check.h"

namespace holdfast::policy {
namespace {

constexpr size_t kWordsPerSet = 8;
constexpr size_t kWordsPerClient = 2;
constexpr size_t kMostClients = size_t{1} << 28;

// Beyond a cap there may be one for each worker for a moment, until it is withdrawn.
constexpr int kCountBits = 24;
constexpr uint64_t kCountMask = (uint64_t{1} << kCountBits) - 1;
static_assert(ClientConnections::kMostConnections < kCountMask / 2);
constexpr uint64_t kTagMask = (uint64_t{1} << (64 - kCountBits)) - 1;

// So often a connection that found the client over its cap only because others came at the same
// moment looks again.
constexpr int kMaxWithdrawals = 3;

size_t SetCount(size_t max_clients) {
  HOLDFAST_CHECK(max_clients >= 1 && max_clients <= kMostClients);
  return (max_clients * kWordsPerClient + kWordsPerSet - 1) / kWordsPerSet;
}

uint64_t TagOf(uint64_t key) { return std::max<uint64_t>(key & kTagMask, 1); }
uint64_t TagIn(uint64_t word) { return word >> kCountBits; }
uint64_t CountIn(uint64_t word) { return word & kCountMask; }

// Sequentially consistent, as Replace is: of two that count the same client in different words,
// the later one sees both.
uint64_t Load(uint64_t& word) { return std::atomic_ref<uint64_t>(word).load(); }

bool Replace(uint64_t& word, uint64_t seen, uint64_t with) {
  return std::atomic_ref<uint64_t>(word).compare_exchange_strong(seen, with);
}

}  // namespace

ClientConnections::ClientConnections(size_t max_clients)
    : seed_(RateLimiter::FreshSeed()),
      set_count_(SetCount(max_clients)),
      pages_(bytes()),
      sets_(static_cast<Set*>(pages_.data())) {}

uint64_t& ClientConnections::WordAt(Place place) const {
  const size_t index = static_cast<size_t>(place) - 1;
  HOLDFAST_CHECK(index < set_count_ * kWordsPerSet);
  return sets_[index / kWordsPerSet].words[index % kWordsPerSet];
}

ClientConnections::Place ClientConnections::PlaceOf(const uint64_t* word) const {
  const size_t bytes_before =
      reinterpret_cast<uintptr_t>(word) - reinterpret_cast<uintptr_t>(sets_);
  return static_cast<Place>(bytes_before / sizeof(uint64_t) + 1);
}

ClientConnections::Look ClientConnections::LookFor(uint64_t tag, Set* set) {
  Look look;
  for (uint64_t& word : set->words) {
    const uint64_t seen = Load(word);
    const bool own = TagIn(seen) == tag;
    // Two words are one client's when its first connections came at one moment.
    if (own) look.counted += CountIn(seen);
    if (own || (seen == 0 && look.word == nullptr)) {
      look.word = &word;
      look.seen = seen;
    }
  }
  return look;
}

ClientConnections::Verdict ClientConnections::Take(std::string_view listener,
                                                   const pool::SocketAddress& client, uint32_t cap,
                                                   Place* place) {
  ClientKeyBytes bytes;
  const std::string_view key = ClientKey(client, &bytes);
  if (key.empty()) return Verdict::kNoAddress;
  return Take(pool::HashBytes(key, pool::HashBytes(listener, seed_)), cap, place);
}

ClientConnections::Verdict ClientConnections::Take(uint64_t key, uint32_t cap, Place* place) {
  HOLDFAST_CHECK(cap >= 1 && cap <= kMostConnections);
  // The upper half of the key finds the set, the lower end tells the keys in it apart.
  Set* const set = sets_ + ((key >> 32) * set_count_ >> 32);
  const uint64_t tag = TagOf(key);
  for (int withdrawals = 0; withdrawals <= kMaxWithdrawals;) {
    const Look look = LookFor(tag, set);
    if (look.counted >= cap) return Verdict::kRefused;
    if (look.word == nullptr) return Verdict::kNoRoom;
    const uint64_t before = look.seen != 0 ? look.seen : tag << kCountBits;
    // It fails only when another connection was counted or taken off there meanwhile.
    if (!Replace(*look.word, look.seen, before + 1)) continue;
    if (LookFor(tag, set).counted <= cap) {
      *place = PlaceOf(look.word);
      return Verdict::kCounted;
    }
    Return(PlaceOf(look.word));
    ++withdrawals;
  }
  return Verdict::kRefused;
}

void ClientConnections::Return(Place place) {
  if (place == Place::kNowhere) return;
  uint64_t& word = WordAt(place);
  while (true) {
    const uint64_t seen = Load(word);
    HOLDFAST_CHECK(CountIn(seen) > 0);
    if (Replace(word, seen, CountIn(seen) == 1 ? 0 : seen - 1)) return;
  }
}

uint64_t ClientConnections::counted() const {
  uint64_t sum = 0;
  for (size_t i = 0; i < set_count_; ++i) {
    for (uint64_t& word : sets_[i].words) sum += CountIn(Load(word));
  }
  return sum;
}

}  // namespace holdfast::policy
