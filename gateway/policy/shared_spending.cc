#include "gateway/policy/shared_spending.h"

#include "pool/net/check.h"

namespace holdfast::policy {
namespace {

constexpr int kCountBits = 24;
constexpr uint64_t kMostCounted = (uint64_t{1} << kCountBits) - 1;
constexpr int kTagBits = 64 - kCountBits;
constexpr uint64_t kTagMask = (uint64_t{1} << kTagBits) - 1;
constexpr size_t kWordsPerSet = 8;
static_assert(SharedSpending::kSets << kTagBits == uint64_t{1} << SharedSpending::kKeyBits,
              "a word's place and its tag are the whole key");

constexpr size_t kBytes = SharedSpending::kSets * kWordsPerSet * sizeof(uint64_t);

uint64_t TagIn(uint64_t word) { return word >> kCountBits; }
uint64_t CountIn(uint64_t word) { return word & kMostCounted; }

// Sequentially consistent, as all here is: a count that a drain has missed has set `noted_` after
// that drain began.
uint64_t Load(uint64_t& word) { return std::atomic_ref<uint64_t>(word).load(); }

}  // namespace

SharedSpending::SharedSpending() : pages_(kBytes), sets_(static_cast<Set*>(pages_.data())) {}

void SharedSpending::Note(uint64_t key) {
  HOLDFAST_CHECK(key >> kKeyBits == 0);
  Set& set = sets_[key >> kTagBits];
  const uint64_t tag = key & kTagMask;
  // It goes round again only when another request in this set was noted, or the set drained,
  // meanwhile.
  while (true) {
    uint64_t* place = nullptr;
    uint64_t seen = 0;
    for (uint64_t& word : set.words) {
      const uint64_t value = Load(word);
      const bool own = value != 0 && TagIn(value) == tag;
      if (!own && (value != 0 || place != nullptr)) continue;
      place = &word;
      seen = value;
      if (own) break;
    }
    if (place == nullptr || CountIn(seen) == kMostCounted) {
      dropped_.fetch_add(1);
      return;
    }
    const uint64_t with = (seen != 0 ? seen : tag << kCountBits) + 1;
    if (std::atomic_ref<uint64_t>(*place).compare_exchange_strong(seen, with)) break;
  }
  if (!noted_.load()) noted_.store(true);
}

bool SharedSpending::Drain(size_t most, std::vector<Spent>* spent) {
  if (next_ == 0 && !noted_.exchange(false)) return true;
  for (; next_ < kSets * kWordsPerSet; ++next_) {
    uint64_t& word = WordAt(next_);
    if (Load(word) == 0) continue;
    if (spent->size() >= most) {
      noted_.store(true);  // Where it stops at the first word the next call asks.
      return false;
    }
    const uint64_t taken = std::atomic_ref<uint64_t>(word).exchange(0);
    const uint64_t set = next_ / kWordsPerSet;
    spent->push_back(
        {.key = set << kTagBits | TagIn(taken), .requests = static_cast<uint32_t>(CountIn(taken))});
  }
  next_ = 0;
  return true;
}

}  // namespace holdfast::policy
