#include "pool/dns/dns_answer.h"

#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <utility>

#include "pool/net/check.h"

namespace holdfast::pool {
namespace {

constexpr uint32_t kMaxTtl = std::numeric_limits<int32_t>::max();

// The bytes of a message, which somebody else wrote: what is not there reads as zero.
class MessageReader {
 public:
  explicit MessageReader(std::string_view message) : message_(message) {}

  uint32_t Take(size_t bytes) {
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; ++i, ++at_) {
      value = value << 8 | (at_ < message_.size() ? static_cast<uint8_t>(message_[at_]) : 0u);
    }
    return value;
  }
  void Skip(size_t bytes) { at_ += bytes; }
  // RFC 1035 section 4.1.4: labels, up to an empty one or a pointer.
  void SkipName() {
    constexpr uint32_t kPointer = 0xC0;
    while (const uint32_t length = Take(1)) {
      if (length >= kPointer) return Skip(1);
      Skip(length);
    }
  }

 private:
  std::string_view message_;
  size_t at_ = 0;
};

}  // namespace

bool Failed(const Records& records) {
  return records.status != ResolveStatus::kOk && records.status != ResolveStatus::kNotFound;
}

bool IsCut(std::string_view message) {
  constexpr size_t kFlags = 2;
  constexpr unsigned char kTruncated = 0x02;
  return message.size() > kFlags && (static_cast<unsigned char>(message[kFlags]) & kTruncated) != 0;
}

Duration SmallestTtl(std::string_view message) {
  MessageReader reader(message);
  reader.Skip(4);
  const uint32_t questions = reader.Take(2);
  const uint32_t answers = reader.Take(2);
  reader.Skip(4);
  for (uint32_t i = 0; i < questions; ++i) {
    reader.SkipName();
    reader.Skip(4);
  }
  uint32_t smallest = kMaxTtl;
  for (uint32_t i = 0; i < answers; ++i) {
    reader.SkipName();
    reader.Skip(4);
    const uint32_t ttl = reader.Take(4);
    smallest = std::min(smallest, ttl > kMaxTtl ? 0 : ttl);
    reader.Skip(reader.Take(2));
  }
  return std::chrono::seconds(smallest);
}

AddressAnswer AnswerOf(std::vector<SocketAddress> addresses, Duration ttl) {
  SortUnique(addresses);
  if (addresses.size() > kMaxAnswerAddresses) addresses.resize(kMaxAnswerAddresses);
  return {
      .status = ResolveStatus::kOk, .addresses = std::move(addresses), .ttl = ttl, .detail = ""};
}

AddressAnswer JoinFamilies(const Records& v4, const Records& v6) {
  const bool v4_found = v4.status == ResolveStatus::kOk;
  const bool v6_found = v6.status == ResolveStatus::kOk;
  HOLDFAST_CHECK(v4_found || v6_found);
  const Duration ttl = v4_found && v6_found ? std::min(v4.ttl, v6.ttl) : v4_found ? v4.ttl : v6.ttl;
  std::vector<SocketAddress> addresses = v4.addresses;
  addresses.insert(addresses.end(), v6.addresses.begin(), v6.addresses.end());
  AddressAnswer answer = AnswerOf(std::move(addresses), ttl);
  if (Failed(v4)) answer.failed_family = AF_INET;
  if (Failed(v6)) answer.failed_family = AF_INET6;
  return answer;
}

}  // namespace holdfast::pool
