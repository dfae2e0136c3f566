#ifndef HOLDFAST_GATEWAY_HTTP_PATH_POLICY_H_
#define HOLDFAST_GATEWAY_HTTP_PATH_POLICY_H_

#include <cstdint>

#include "pool/net/word_table.h"

namespace holdfast::http {

// What becomes of the spellings of a path before routes see it and before it is forwarded:
//
//   strict           matched as                         forwarded
//   /./ /../ %2e     resolved (RFC 3986 section 5.2.4)  resolved
//   // at the front  one slash                          resolved
//   // elsewhere     one slash                          as it came, or resolved where the bytes as
//                                                       they came would take another route
//   %61 %2B          the byte                           likewise
//   %2F              itself, which divides nothing      as it came
//   ;a=1  \  %5C     themselves                         as they came
//   overlong UTF-8   itself                             as it came
//   %zz %00 "/\" at the front, and a dot segment that only some readers see: refused
//
//   merge_slashes    the same                           the same, but with each run of slashes as
//                                                       one: then the path is resolved
//
// Under both, what some readers take for a path of another route is refused: those who take %2F,
// '\', %5C or an overlong form for a slash, drop ";a=1", decode twice, or cut a path short.
//
//   off              byte for byte                      byte for byte; nothing is refused
//
// What a route makes of a path (route/rewrite.h) is held to the same. Under `off` another spelling
// of a path goes past the route that denies it, and the origin alone says what it means.
enum class PathNormalization : uint8_t { kStrict, kMergeSlashes, kOff };
inline constexpr auto kPathNormalizationWords = pool::Words<PathNormalization>({
    {"strict", PathNormalization::kStrict},
    {"merge_slashes", PathNormalization::kMergeSlashes},
    {"off", PathNormalization::kOff},
});
constexpr const auto& WordsOf(PathNormalization) { return kPathNormalizationWords; }

// What becomes of a path with %2F or %2f, whatever the normalization.
enum class EncodedSlash : uint8_t {
  kKeep,    // forwarded and matched as it is: no separator
  kReject,  // refused
};
inline constexpr auto kEncodedSlashWords =
    pool::Words<EncodedSlash>({{"keep", EncodedSlash::kKeep}, {"reject", EncodedSlash::kReject}});
constexpr const auto& WordsOf(EncodedSlash) { return kEncodedSlashWords; }

// How a listener reads paths (path_form.h). A value; the default is the safe one.
struct PathPolicy {
  PathNormalization normalize = PathNormalization::kStrict;
  EncodedSlash encoded_slash = EncodedSlash::kKeep;

  bool byte_for_byte() const { return normalize == PathNormalization::kOff; }
  bool operator==(const PathPolicy&) const = default;
};

}  // namespace holdfast::http

#endif  // HOLDFAST_GATEWAY_HTTP_PATH_POLICY_H_
