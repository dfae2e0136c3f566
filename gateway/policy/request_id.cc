#include "gateway/policy/request_id.h"

#include <sys/random.h>

#include <algorithm>

#include "pool/net/check.h"

namespace holdfast::policy {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

bool IsIdCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-_.:+/=").find(c) != std::string_view::npos;
}

// `high` and `low` are the first and the last 64 bits.
UuidText TextOf(uint64_t high, uint64_t low) {
  UuidText text;
  char* out = text.data();
  for (int digit = 0; digit < 32; ++digit) {
    if (digit == 8 || digit == 12 || digit == 16 || digit == 20) *out++ = '-';
    const uint64_t half = digit < 16 ? high : low;
    *out++ = kHexDigits[half >> (60 - 4 * (digit % 16)) & 15];
  }
  return text;
}

}  // namespace

bool IsRequestId(std::string_view text) {
  return !text.empty() && text.size() <= kMaxRequestIdBytes &&
         std::ranges::all_of(text, IsIdCharacter);
}

RequestIdSource RequestIdSource::Fresh() {
  uint64_t seeds[2];
  HOLDFAST_CHECK(getrandom(seeds, sizeof(seeds), 0) == sizeof(seeds));
  return RequestIdSource(seeds[0], seeds[1]);
}

uint64_t RequestIdSource::Bits() {
  uint64_t bits = 0;
  while (bits == 0) bits = high_.Next() ^ low_.Next();
  return bits;
}

void RequestIdSource::Step(uint64_t milliseconds) {
  constexpr uint64_t kAhead = static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(kMaxAhead).count());
  const bool follows = milliseconds > milliseconds_ || milliseconds_ - milliseconds > kAhead;
  if (!follows && counter_ < kMaxCounter) {
    ++counter_;
    return;
  }
  milliseconds_ = follows ? milliseconds : milliseconds_ + 1;
  // From the lower half, so that there is room for at least as many again.
  counter_ = static_cast<uint16_t>(high_.Below((kMaxCounter + 1) / 2));
}

UuidText RequestIdSource::MakeUuid(pool::WallTime now) {
  const int64_t since_epoch =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  Step(static_cast<uint64_t>(std::max<int64_t>(since_epoch, 0)));
  constexpr uint64_t kVersion = uint64_t{7} << 12;
  constexpr uint64_t kVariant = uint64_t{2} << 62;
  return TextOf(milliseconds_ << 16 | kVersion | counter_, kVariant | Bits() >> 2);
}

}  // namespace holdfast::policy
