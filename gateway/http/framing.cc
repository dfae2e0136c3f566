#include "gateway/http/framing.h"

#include <array>
#include <limits>

#include "gateway/http/syntax.h"

namespace holdfast::http {
namespace {

struct Row {
  Refusal refusal;
  std::string_view name;
  int status;
  std::string_view text;
};

constexpr std::array<Row, kRefusalCount> kRows = {{
    {Refusal::kNone, "none", 400, "The message is fine."},
    {Refusal::kMalformedStartLine, "malformed_start_line", 400,
     "The start line is not a method, a target and a version, or a version and a status."},
    {Refusal::kMethodTooLong, "method_too_long", 501,
     "The method is longer than any that is known."},
    {Refusal::kUnsupportedVersion, "unsupported_version", 505, "Only HTTP/1.x is spoken here."},
    {Refusal::kTargetBytes, "target_bytes", 400,
     "The request target has a byte that is not visible ASCII."},
    {Refusal::kFragmentInTarget, "fragment_in_target", 400, "The request target has a fragment."},
    {Refusal::kMalformedTarget, "malformed_target", 400,
     "The request target has none of the forms its method allows."},
    {Refusal::kUnsupportedScheme, "unsupported_scheme", 400,
     "The request target's scheme is neither http nor https."},
    {Refusal::kUserinfoInTarget, "userinfo_in_target", 400,
     "The request target has user information."},
    {Refusal::kUriTooLong, "uri_too_long", 414, "The request target is too long."},
    {Refusal::kHeadTooLarge, "head_too_large", 431, "The head has too many bytes."},
    {Refusal::kTooManyFields, "too_many_fields", 431, "The head has too many fields."},
    {Refusal::kTooManyEmptyLines, "too_many_empty_lines", 400,
     "Too many empty lines stand before the request."},
    {Refusal::kIncompleteHead, "incomplete_head", 400,
     "The head does not end with its first empty line."},
    {Refusal::kLooksLikeTls, "looks_like_tls", 400,
     "The bytes look like TLS; plain HTTP/1.1 is spoken here."},
    {Refusal::kLooksLikeHttp2, "looks_like_http2", 505,
     "The bytes look like HTTP/2; plain HTTP/1.1 is spoken here."},
    {Refusal::kLooksLikeSsh, "looks_like_ssh", 400,
     "The bytes look like SSH; plain HTTP/1.1 is spoken here."},
    {Refusal::kLooksLikeProxyProtocol, "looks_like_proxy_protocol", 400,
     "The bytes look like a PROXY protocol header, which is not understood here."},
    {Refusal::kBareCr, "bare_cr", 400, "The head has a CR that no LF follows."},
    {Refusal::kBareLf, "bare_lf", 400, "The head has a line that ends with LF alone."},
    {Refusal::kNul, "nul", 400, "The head has a NUL byte."},
    {Refusal::kControlByte, "control_byte", 400, "A field value has a control byte."},
    {Refusal::kObsFold, "obs_fold", 400,
     "A field line begins with white space (obsolete line folding)."},
    {Refusal::kSpaceBeforeColon, "space_before_colon", 400,
     "White space stands between a field name and its colon."},
    {Refusal::kMissingColon, "missing_colon", 400, "A field line has no colon."},
    {Refusal::kEmptyFieldName, "empty_field_name", 400, "A field has no name."},
    {Refusal::kMalformedFieldName, "malformed_field_name", 400, "A field name is not a token."},
    {Refusal::kTooManyConnectionOptions, "too_many_connection_options", 400,
     "The Connection field has too many options."},
    {Refusal::kRejectedByParser, "rejected_by_parser", 400, "The parser rejected the head."},
    {Refusal::kUpperCaseFieldName, "upper_case_field_name", 400,
     "A field name of HTTP/2 has an upper-case letter."},
    {Refusal::kFieldOfOneConnection, "field_of_one_connection", 400,
     "A field that is about one HTTP/1 connection has no place in HTTP/2."},
    {Refusal::kMisplacedPseudoField, "misplaced_pseudo_field", 400,
     "A pseudo-field is unknown, missing, repeated, or not before the other fields."},
    {Refusal::kContentLengthMismatch, "content_length_mismatch", 400,
     "The body is not as long as Content-Length says."},
    {Refusal::kNotHttp2, "not_http2", 400, "HTTP/2 was expected, and something else came."},
    {Refusal::kMissingHost, "missing_host", 400, "The Host field is missing."},
    {Refusal::kRepeatedHost, "repeated_host", 400, "There is more than one Host field."},
    {Refusal::kMalformedHost, "malformed_host", 400, "The Host field is not a host and a port."},
    {Refusal::kHostMismatch, "host_mismatch", 400,
     "The Host field differs from the authority of the request target."},
    {Refusal::kLengthAndEncoding, "length_and_encoding", 400,
     "Both Content-Length and Transfer-Encoding are present."},
    {Refusal::kRepeatedContentLength, "repeated_content_length", 400,
     "Content-Length is given more than once."},
    {Refusal::kMalformedContentLength, "malformed_content_length", 400,
     "Content-Length is not made of digits alone."},
    {Refusal::kContentLengthOverflow, "content_length_overflow", 400,
     "Content-Length is too large a number."},
    {Refusal::kMalformedTransferEncoding, "malformed_transfer_encoding", 400,
     "Transfer-Encoding is not a list of plain tokens."},
    {Refusal::kChunkedNotFinal, "chunked_not_final", 400,
     "The chunked coding is repeated or is not the last one."},
    {Refusal::kUnknownTransferCoding, "unknown_transfer_coding", 501,
     "No transfer coding other than chunked is understood here."},
    {Refusal::kTransferEncodingInHttp10, "transfer_encoding_in_http10", 400,
     "HTTP/1.0 has no Transfer-Encoding."},
    {Refusal::kTooManyInterimResponses, "too_many_interim_responses", 400,
     "There are too many interim responses."},
    {Refusal::kMalformedChunkSize, "malformed_chunk_size", 400,
     "A chunk size is not made of hexadecimal digits alone."},
    {Refusal::kChunkSizeOverflow, "chunk_size_overflow", 400, "A chunk size is too large."},
    {Refusal::kChunkExtensionBytes, "chunk_extension_bytes", 400,
     "A chunk extension has a control byte."},
    {Refusal::kChunkExtensionTooLong, "chunk_extension_too_long", 400,
     "A chunk extension is too long."},
    {Refusal::kTooMuchChunkOverhead, "too_much_chunk_overhead", 400,
     "The chunks carry more extensions and padding than data."},
    {Refusal::kChunkLineEnd, "chunk_line_end", 400, "A chunk size line does not end with CRLF."},
    {Refusal::kMissingChunkEnd, "missing_chunk_end", 400, "No CRLF follows a chunk's data."},
}};

constexpr bool RowsAreInOrder() {
  for (size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<size_t>(kRows[i].refusal) != i) return false;
  }
  return true;
}
static_assert(RowsAreInOrder(), "one row per refusal, in the enum's order");

const Row& RowOf(Refusal refusal) { return kRows[static_cast<size_t>(refusal)]; }

Refusal ParseLength(std::string_view value, uint64_t* length) {
  if (value.empty()) return Refusal::kMalformedContentLength;
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  uint64_t sum = 0;
  bool overflow = false;
  for (char byte : value) {
    if (byte == ',') return Refusal::kRepeatedContentLength;
    if (!IsDigit(byte)) return Refusal::kMalformedContentLength;
    const auto digit = static_cast<uint64_t>(byte - '0');
    if (sum > (kMax - digit) / 10) overflow = true;
    sum = sum * 10 + digit;
  }
  if (overflow) return Refusal::kContentLengthOverflow;
  *length = sum;
  return Refusal::kNone;
}

}  // namespace

std::string_view RefusalName(Refusal refusal) { return RowOf(refusal).name; }

int RefusalStatus(Refusal refusal) { return RowOf(refusal).status; }

std::string_view RefusalText(Refusal refusal) { return RowOf(refusal).text; }

// RFC 9112 section 6.3 lets a recipient merge equal values ("5, 5"). Nothing honest sends them, and
// not everything behind us would merge, so the repetition itself is refused.
void FramingFields::AddContentLength(std::string_view value) {
  if (has_length_) {
    length_refusal_ = Refusal::kRepeatedContentLength;
    return;
  }
  has_length_ = true;
  length_refusal_ = ParseLength(value, &length_);
}

// Tells an unknown coding from a wrong list (RFC 9112 section 6.1: 501 against 400). The wrong list
// is the graver of the two.
void FramingFields::AddTransferEncoding(std::string_view value) {
  has_encoding_ = true;
  std::string_view coding;
  for (ListReader codings(value); codings.Next(&coding);) {
    if (encoding_refusal_ != Refusal::kNone &&
        encoding_refusal_ != Refusal::kUnknownTransferCoding) {
      return;
    }
    if (!IsToken(coding)) {
      encoding_refusal_ = Refusal::kMalformedTransferEncoding;
    } else if (saw_chunked_) {
      encoding_refusal_ = Refusal::kChunkedNotFinal;
    } else if (EqualsIgnoreCase(coding, "chunked")) {
      saw_chunked_ = true;
    } else {
      encoding_refusal_ = Refusal::kUnknownTransferCoding;
    }
  }
}

Refusal FramingFields::Check(Version version) const {
  if (has_encoding_) {
    if (version == Version::kHttp10) return Refusal::kTransferEncodingInHttp10;
    if (has_length_) return Refusal::kLengthAndEncoding;
    return encoding_refusal_;
  }
  return length_refusal_;
}

}  // namespace holdfast::http
