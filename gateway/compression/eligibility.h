#ifndef HOLDFAST_GATEWAY_COMPRESSION_ELIGIBILITY_H_
#define HOLDFAST_GATEWAY_COMPRESSION_ELIGIBILITY_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/compression/coding.h"
#include "gateway/http/message.h"
#include "pool/net/word_table.h"

namespace holdfast::compression {

// Which responses are encoded, as the configuration has it. A value.
struct Rules {
  // In order of preference; without any, no response is.
  std::vector<Coding> algorithms = {Coding::kZstd, Coding::kBrotli, Coding::kGzip};
  uint64_t min_size = 1024;  // bytes; only of a body whose length is known
  // Media types: "application/json", "text/*" or "*/*". A stream of events (text/event-stream) is
  // in none but its own: it must be listed by name.
  std::vector<std::string> types = {
      "text/*",          "application/json",          "application/javascript",
      "application/xml", "application/manifest+json", "application/wasm",
      "image/svg+xml"};
  uint32_t level = kDefaultLevel;

  bool operator==(const Rules&) const = default;
};

// Whether it may stand in Rules::types. Pure.
bool IsTypePattern(std::string_view text);

// What becomes of a response; the words are label values.
enum class Outcome : uint8_t {
  kEncoded,
  kHead,         // encoded if it had a body: it answers HEAD
  kNotAccepted,  // the client takes none of the algorithms, or likes the response better as it is
  kOldClient,    // HTTP/1.0: without a length, its connection would have to close
  kNoTransform,  // Cache-Control of the request or of the response
  kOff,          // there are no algorithms
  kTunnel,       // no HTTP follows
  kNoBody,       // 1xx, 204, 205, 304
  kPartial,      // 206, or with Content-Range
  kAlreadyEncoded,  // by the upstream
  kGrpc,            // which encodes its messages itself
  kType,            // not listed, or none
  kTooShort,        // than min_size, or empty
};
inline constexpr auto kOutcomeWords = pool::Words<Outcome>({
    {"encoded", Outcome::kEncoded},
    {"head", Outcome::kHead},
    {"not_accepted", Outcome::kNotAccepted},
    {"old_client", Outcome::kOldClient},
    {"no_transform", Outcome::kNoTransform},
    {"off", Outcome::kOff},
    {"tunnel", Outcome::kTunnel},
    {"no_body", Outcome::kNoBody},
    {"partial", Outcome::kPartial},
    {"already_encoded", Outcome::kAlreadyEncoded},
    {"grpc", Outcome::kGrpc},
    {"type", Outcome::kType},
    {"too_short", Outcome::kTooShort},
});
constexpr const auto& WordsOf(Outcome) { return kOutcomeWords; }

struct Decision {
  Outcome outcome = Outcome::kOff;
  Coding coding = Coding::kIdentity;  // of kEncoded; of kHead, what a GET would get
  // Another client may get the response in another coding: its head says so (RFC 9110 section
  // 12.5.5).
  bool vary = false;
};

// `response` is a final head, as it would be sent: fields that are dropped do not count. Pure, no
// allocation.
Decision Decide(const Rules& rules, const Acceptance& accepted, const http::RequestHead& request,
                const http::ResponseHead& response);

}  // namespace holdfast::compression

#endif  // HOLDFAST_GATEWAY_COMPRESSION_ELIGIBILITY_H_
