#include "gateway/auth/token_cache.h"

#include <utility>

namespace holdfast::auth {
namespace {

size_t BytesOf(const GoodToken& token) {
  size_t bytes = token.values.size() * sizeof(token.values[0]);
  for (const auto& value : token.values) bytes += value.has_value() ? value->size() : 0;
  return bytes;
}

}  // namespace

TokenCache::~TokenCache() {
  while (!recent_.empty()) recent_.Remove(*recent_.front());
}

std::shared_ptr<const GoodToken> TokenCache::Find(const Key& key, pool::WallTime now) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  Entry& entry = *found->second;
  if (now >= entry.token->until) {
    Remove(entry);
    return nullptr;
  }
  recent_.Remove(entry);
  recent_.PushFront(entry);
  return entry.token;
}

void TokenCache::Put(const Key& key, std::shared_ptr<const GoodToken> token) {
  if (const auto found = entries_.find(key); found != entries_.end()) Remove(*found->second);
  auto entry = std::make_unique<Entry>();
  entry->key = key;
  entry->bytes = BytesOf(*token);
  entry->token = std::move(token);
  while (!recent_.empty() && (recent_.size() == kMaxTokens || bytes_ + entry->bytes > kMaxBytes)) {
    Remove(*recent_.back());
  }
  bytes_ += entry->bytes;
  recent_.PushFront(*entry);
  entries_.emplace(key, std::move(entry));
}

void TokenCache::Remove(Entry& entry) {
  bytes_ -= entry.bytes;
  recent_.Remove(entry);
  const Key key = entry.key;  // outlives the entry
  entries_.erase(key);
}

}  // namespace holdfast::auth
