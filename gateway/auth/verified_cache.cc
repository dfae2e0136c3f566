#include "gateway/auth/verified_cache.h"

#include <utility>

namespace holdfast::auth {

VerifiedCache::~VerifiedCache() {
  for (List* list : {&good_, &bad_}) {
    while (!list->empty()) list->Remove(*list->front());
  }
}

std::optional<Verdict> VerifiedCache::Find(const Key& key, pool::TimePoint now) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return std::nullopt;
  Entry& entry = *found->second;
  if (now >= entry.verdict.until) {
    Remove(entry);
    return std::nullopt;
  }
  List& list = ListOf(entry);
  list.Remove(entry);
  list.PushFront(entry);
  return entry.verdict;
}

void VerifiedCache::Put(const Key& key, const Verdict& verdict) {
  if (const auto found = entries_.find(key); found != entries_.end()) Remove(*found->second);
  auto entry = std::make_unique<Entry>();
  entry->key = key;
  entry->verdict = verdict;
  List& list = ListOf(*entry);
  if (list.size() == (verdict.good ? kMaxGood : kMaxBad)) Remove(*list.back());
  list.PushFront(*entry);
  entries_.emplace(key, std::move(entry));
}

void VerifiedCache::Remove(Entry& entry) {
  ListOf(entry).Remove(entry);
  const Key key = entry.key;  // outlives the entry
  entries_.erase(key);
}

}  // namespace holdfast::auth
