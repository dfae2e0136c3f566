#ifndef HOLDFAST_GATEWAY_HTTP_MESSAGE_H_
#define HOLDFAST_GATEWAY_HTTP_MESSAGE_H_

#include <cstdint>
#include <string_view>

#include "gateway/http/header_list.h"
#include "pool/net/word_table.h"

namespace holdfast::http {

enum class Method : uint8_t {
  kGet,
  kHead,
  kPost,
  kPut,
  kDelete,
  kConnect,
  kOptions,
  kTrace,
  kPatch,
  kOther,  // any other token; the text is in RequestHead::method_text
};
inline constexpr auto kMethodWords = pool::Words<Method>({
    {"GET", Method::kGet},
    {"HEAD", Method::kHead},
    {"POST", Method::kPost},
    {"PUT", Method::kPut},
    {"DELETE", Method::kDelete},
    {"CONNECT", Method::kConnect},
    {"OPTIONS", Method::kOptions},
    {"TRACE", Method::kTrace},
    {"PATCH", Method::kPatch},
    {"OTHER", Method::kOther},
});
constexpr const auto& WordsOf(Method) { return kMethodWords; }
// Methods are case-sensitive (RFC 9110 section 9.1): "get" is kOther.
Method IdentifyMethod(std::string_view text);
// "GET", ...; "OTHER" (a bounded metric label).
constexpr std::string_view MethodName(Method method) { return kMethodWords.WordOf(method); }
// RFC 9110 section 9.2.2.
bool IsIdempotent(Method method);

enum class Version : uint8_t { kHttp10, kHttp11, kHttp2 };

// The four forms of RFC 9112 section 3.2.
enum class TargetForm : uint8_t { kOrigin, kAbsolute, kAuthority, kAsterisk };

enum class BodyKind : uint8_t {
  kNone,
  kLength,  // content_length bytes (0 is kLength with 0: the field is there)
  kChunked,
  kUntilClose,  // responses only
};

// What a request head says, but for its list of fields. Every view points into the bytes given to
// the parser and lives as long as they do.
struct RequestFacts {
  Method method = Method::kGet;
  Version version = Version::kHttp11;
  TargetForm form = TargetForm::kOrigin;
  BodyKind body = BodyKind::kNone;
  bool connection_close = false;       // Connection: close
  bool connection_keep_alive = false;  // Connection: keep-alive
  bool connection_upgrade = false;     // Connection: upgrade and an Upgrade field; never for h2c
  bool offers_upgrade = false;         // the same, for any protocol and version
  bool expect_continue = false;        // Expect: 100-continue (HTTP/1.1 only)
  bool expect_unknown = false;         // another expectation: 417 (RFC 9110 section 10.1.1)
  uint64_t content_length = 0;         // with BodyKind::kLength
  std::string_view method_text;
  std::string_view target;  // as received
  // Without query; "/" for absolute-form without one, "*" for asterisk-form and for OPTIONS with an
  // absolute-form target that is no more than an authority (RFC 9112 section 3.2.4).
  std::string_view path;
  std::string_view query;  // after '?', without it; has_query tells "/?" from "/"
  bool has_query = false;
  std::string_view host;       // of Host or of an absolute-form target, without port, as received
  std::string_view authority;  // with port, but without the colon of an empty one
};

// A parsed, checked request head. Reused for the next message of its connection: Clear keeps the
// list's memory.
struct RequestHead : RequestFacts {
  HeaderList headers;

  void Clear() {
    static_cast<RequestFacts&>(*this) = RequestFacts();
    headers.Clear();
  }
};

// As RequestFacts.
struct ResponseFacts {
  uint16_t status = 0;
  Version version = Version::kHttp11;
  BodyKind body = BodyKind::kNone;  // after the request's method is taken into account
  bool connection_close = false;
  bool connection_keep_alive = false;
  bool connection_upgrade = false;  // 101 with an Upgrade field; never for h2c
  bool has_content_length = false;  // also where no body follows: HEAD and 304 repeat the length
  uint64_t content_length = 0;      // with has_content_length
  std::string_view reason;

  bool informational() const { return status >= 100 && status < 200; }
};

// As RequestHead.
struct ResponseHead : ResponseFacts {
  HeaderList headers;

  void Clear() {
    static_cast<ResponseFacts&>(*this) = ResponseFacts();
    headers.Clear();
  }
};

}  // namespace holdfast::http

#endif  // HOLDFAST_GATEWAY_HTTP_MESSAGE_H_
