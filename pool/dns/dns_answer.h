#ifndef HOLDFAST_POOL_DNS_DNS_ANSWER_H_
#define HOLDFAST_POOL_DNS_DNS_ANSWER_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "pool/dns/resolver.h"

namespace holdfast::pool {

// What the question for one type of record ended with. A plain value.
struct Records {
  ResolveStatus status = ResolveStatus::kServerError;
  bool no_such_name = false;  // with kNotFound: the name has no record of any type (NXDOMAIN)
  bool cut = false;           // there is more than what the message had room for
  std::string detail;         // for people, unless kOk
  Duration ttl{0};            // the smallest of the records
  std::vector<SocketAddress> addresses;
  std::vector<SrvRecord> services;
};

// Whether the servers said neither that there are records nor that there are none.
bool Failed(const Records& records);

// Everything below is pure and reads what a server wrote: no message can break it.

// Whether the message says that it is incomplete (RFC 1035 section 4.1.1, TC).
bool IsCut(std::string_view message);

// The smallest TTL of a response's answers, the links of a chain of aliases included: an answer is
// as good as its shortest record. A TTL with its highest bit set counts as zero (RFC 2181
// section 8). What is not there reads as zero.
Duration SmallestTtl(std::string_view message);

// An answer with more addresses is cut after sorting, always to the same ones.
inline constexpr size_t kMaxAnswerAddresses = 256;

// The addresses as an answer with status kOk, in their fixed order.
AddressAnswer AnswerOf(std::vector<SocketAddress> addresses, Duration ttl);

// The answers for A and AAAA as one; at least one of them has addresses. A family whose question
// failed, or has no reply yet, becomes the answer's `failed_family`.
AddressAnswer JoinFamilies(const Records& v4, const Records& v6);

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_DNS_DNS_ANSWER_H_
