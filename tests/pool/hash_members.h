#ifndef HOLDFAST_TESTS_POOL_HASH_MEMBERS_H_
#define HOLDFAST_TESTS_POOL_HASH_MEMBERS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "pool/key_hash.h"

namespace holdfast::pool {

// Members and keys for HashRing and Maglev.

inline constexpr size_t kKeys = 20'000;

// "10.0.0.1:80" to "10.0.0.COUNT:80", all of weight 1.
inline std::vector<HashMember> Members(size_t count) {
  std::vector<HashMember> members;
  for (size_t i = 1; i <= count; ++i) members.push_back({"10.0.0." + std::to_string(i) + ":80", 1});
  return members;
}

// Ten, of which the second has weight 3: those of the golden values.
inline std::vector<HashMember> GoldenMembers() {
  std::vector<HashMember> members = Members(10);
  members[1].weight = 3;
  return members;
}

// The identities that own the keys "key-0", "key-1", ..., of those that `may` be used.
template <class Table, class May>
std::vector<std::string> OwnersOfKeys(const Table& table, const std::vector<HashMember>& members,
                                      size_t keys, const May& may) {
  std::vector<std::string> owners;
  for (size_t key = 0; key < keys; ++key) {
    const size_t owner = table.Find(HashBytes("key-" + std::to_string(key)), may);
    owners.push_back(owner == Table::kNone ? "none" : members.at(owner).identity);
  }
  return owners;
}

template <class Table>
std::vector<std::string> OwnersOfKeys(const std::vector<HashMember>& members, size_t keys = kKeys) {
  Table table;
  table.Build(members);
  return OwnersOfKeys(table, members, keys, [](size_t) { return true; });
}

// One number for many owners.
inline uint64_t Digest(const std::vector<std::string>& owners) {
  std::string text;
  for (const std::string& owner : owners) {
    if (!text.empty()) text += '\n';
    text += owner;
  }
  return HashBytes(text);
}

}  // namespace holdfast::pool

#endif  // HOLDFAST_TESTS_POOL_HASH_MEMBERS_H_
