#ifndef HOLDFAST_GATEWAY_HTTP_FRAMING_H_
#define HOLDFAST_GATEWAY_HTTP_FRAMING_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gateway/http/message.h"

namespace holdfast::http {

// Why a message is refused. The names are the metric's label values (snake_case by RefusalName).
// Requests: the status is RefusalStatus and the connection closes. Responses: the client gets 502.
enum class Refusal : uint8_t {
  kNone,

  // The start line and the sizes.
  kMalformedStartLine,
  kMethodTooLong,
  kUnsupportedVersion,
  kTargetBytes,
  kFragmentInTarget,
  kMalformedTarget,
  kUnsupportedScheme,
  kUserinfoInTarget,
  kUriTooLong,
  kHeadTooLarge,
  kTooManyFields,
  kTooManyEmptyLines,  // before a request; the proxy counts them
  kIncompleteHead,

  // Bytes that are plainly another protocol's.
  kLooksLikeTls,
  kLooksLikeHttp2,
  kLooksLikeSsh,
  kLooksLikeProxyProtocol,

  // The bytes and lines of a head.
  kBareCr,
  kBareLf,
  kNul,
  kControlByte,
  kObsFold,
  kSpaceBeforeColon,
  kMissingColon,
  kEmptyFieldName,
  kMalformedFieldName,
  kTooManyConnectionOptions,
  kRejectedByParser,

  // The fields of HTTP/2 (RFC 9113 sections 8.2 and 8.3).
  kUpperCaseFieldName,
  kFieldOfOneConnection,
  kMisplacedPseudoField,
  kContentLengthMismatch,  // section 8.1.1
  kNotHttp2,               // what comes instead of its frames; from upstreams

  // Host.
  kMissingHost,
  kRepeatedHost,
  kMalformedHost,
  kHostMismatch,

  // Where the body ends.
  kLengthAndEncoding,
  kRepeatedContentLength,
  kMalformedContentLength,
  kContentLengthOverflow,
  kMalformedTransferEncoding,
  kChunkedNotFinal,
  kUnknownTransferCoding,
  kTransferEncodingInHttp10,
  kTooManyInterimResponses,  // one request's 1xx; the proxy counts them

  // The chunked coding.
  kMalformedChunkSize,
  kChunkSizeOverflow,
  kChunkExtensionBytes,
  kChunkExtensionTooLong,
  kTooMuchChunkOverhead,
  kChunkLineEnd,
  kMissingChunkEnd,
};
inline constexpr size_t kRefusalCount = static_cast<size_t>(Refusal::kMissingChunkEnd) + 1;

std::string_view RefusalName(Refusal refusal);
// 400, 414, 431, 501 or 505.
int RefusalStatus(Refusal refusal);
// One sentence for the body of the error response and for the operator. It says what was wrong and
// never echoes input.
std::string_view RefusalText(Refusal refusal);

// Decides where a message's body ends (RFC 9112 section 6) from its framing fields alone: the
// parser adds each of them in turn, then asks Check. Pure; a value on the parser's stack.
class FramingFields {
 public:
  void AddContentLength(std::string_view value);
  void AddTransferEncoding(std::string_view value);

  // The first rule broken, or kNone; the facts below hold only then.
  Refusal Check(Version version) const;

  bool chunked() const { return has_encoding_; }
  bool has_length() const { return has_length_; }
  uint64_t length() const { return length_; }

 private:
  bool has_length_ = false;
  bool has_encoding_ = false;
  bool saw_chunked_ = false;
  Refusal length_refusal_ = Refusal::kNone;
  Refusal encoding_refusal_ = Refusal::kNone;
  uint64_t length_ = 0;
};

}  // namespace holdfast::http

#endif  // HOLDFAST_GATEWAY_HTTP_FRAMING_H_
