#ifndef HOLDFAST_GATEWAY_COMPRESSION_CODING_H_
#define HOLDFAST_GATEWAY_COMPRESSION_CODING_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "gateway/http/header_list.h"
#include "pool/net/word_table.h"

namespace holdfast::compression {

// The content codings (RFC 9110 section 8.4.1, RFC 8878, RFC 7932) by their registered names.
enum class Coding : uint8_t {
  kIdentity,  // none
  kGzip,
  kZstd,
  kBrotli,
};
inline constexpr auto kCodingWords = pool::Words<Coding>({
    {"identity", Coding::kIdentity},
    {"gzip", Coding::kGzip},
    {"zstd", Coding::kZstd},
    {"br", Coding::kBrotli},
});
constexpr const auto& WordsOf(Coding) { return kCodingWords; }

// How hard an encoder tries, in each coding: from the fastest to the smallest.
inline constexpr int kMinLevel = 1;
inline constexpr int kMaxLevel = 9;
// Cheap in all of them: the next level of zlib takes two fifths more instructions for a body that
// is a fortieth smaller.
inline constexpr int kDefaultLevel = 3;

// What a client accepts, of all its Accept-Encoding fields together (RFC 9110 section 12.5.3). A
// value without memory of its own: it may be read when the request comes, before a route's rules
// change the fields for the upstream. Pure.
class Acceptance {
 public:
  // Members beyond that many are not read.
  static constexpr size_t kMaxMembers = 64;

  // Nothing but identity: what a client without the field gets.
  Acceptance() { weights_.fill(kUnsaid); }
  // Malformed members are passed over. Of several about one coding the first counts; x-gzip is
  // gzip.
  static Acceptance Of(const http::HeaderList& request);

  // Of `ours`, in our order of preference, the first of those that the client likes best.
  // kIdentity where it accepts none of them, or has said that it likes identity better than any.
  // Where it refuses identity too, it gets that all the same.
  Coding Best(std::span<const Coding> ours) const;

 private:
  static constexpr int16_t kUnsaid = -1;

  void Add(std::string_view member);
  int16_t WeightOf(Coding coding) const;

  std::array<int16_t, kCodingWords.size()> weights_;  // in thousandths
  int16_t others_ = kUnsaid;                          // of `*`
};

}  // namespace holdfast::compression

#endif  // HOLDFAST_GATEWAY_COMPRESSION_CODING_H_
