#include "gateway/http/parser.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

#include <llhttp/llhttp.h>

#include "gateway/http/byte_scan.h"
#include "gateway/http/connection_option.h"
#include "gateway/http/head_check.h"
#include "gateway/http/other_protocol.h"
#include "gateway/http/syntax.h"
#include "gateway/http/target.h"

namespace holdfast::http {
namespace {

// ---- llhttp: takes the field lines apart, and is the second opinion on
// everything else.

HeaderList* ListOf(llhttp_t* parser) { return static_cast<HeaderList*>(parser->data); }

// A head is given to llhttp in one piece, so each span is whole.
int OnFieldName(llhttp_t* parser, const char* at, size_t length) {
  const std::string_view name(at, length);
  ListOf(parser)->Add({name, std::string_view(at + length, 0), IdentifyField(name), false});
  return 0;
}

int OnFieldValue(llhttp_t* parser, const char* at, size_t length) {
  ListOf(parser)->fields().back().value = TrimWhiteSpace(std::string_view(at, length));
  return 0;
}

// What follows the head is not llhttp's business.
int OnHeadersComplete(llhttp_t*) { return HPE_PAUSED; }

constexpr llhttp_settings_t MakeSettings() {
  llhttp_settings_t settings{};
  settings.on_header_field = OnFieldName;
  settings.on_header_value = OnFieldValue;
  settings.on_headers_complete = OnHeadersComplete;
  return settings;
}
constexpr llhttp_settings_t kSettings = MakeSettings();

// llhttp stopped inside a framing field it dislikes, of which it gave the name
// only. Our own rules say why; they know more names for it than llhttp.
Refusal NameLlhttpError(std::string_view bytes, Version version, HeaderList* headers) {
  if (headers->size() == 0) return Refusal::kRejectedByParser;
  HeaderField& last = headers->fields().back();
  const size_t value = static_cast<size_t>(last.name.data() - bytes.data()) + last.name.size() + 1;
  const std::string_view rest = bytes.substr(value);
  last.value = TrimWhiteSpace(rest.substr(0, rest.find('\r')));
  FramingFields framing;
  for (const HeaderField& field : headers->fields()) {
    if (field.id == FieldId::kContentLength) framing.AddContentLength(field.value);
    if (field.id == FieldId::kTransferEncoding) framing.AddTransferEncoding(field.value);
  }
  const Refusal refusal = framing.Check(version);
  return refusal == Refusal::kNone ? Refusal::kRejectedByParser : refusal;
}

struct Head {
  std::string_view bytes;
  size_t start_line_bytes = 0;
  // Stands in for the first `replaced_bytes` of `bytes`.
  std::string_view replacement = {};
  size_t replaced_bytes = 0;
  Version version = Version::kHttp11;
  bool later_minor_version = false;
  bool unusual = true;  // for its start line, or because the caller says so
};

llhttp_errno_t RunLlhttp(const Head& head, llhttp_type_t type, HeaderList* headers) {
  headers->Clear();
  llhttp_t parser;
  llhttp_init(&parser, type, &kSettings);
  parser.data = headers;
  if (head.later_minor_version) parser.lenient_flags |= LENIENT_VERSION;
  llhttp_errno_t error = HPE_OK;
  if (!head.replacement.empty()) {
    error = llhttp_execute(&parser, head.replacement.data(), head.replacement.size());
  }
  if (error == HPE_OK) {
    const std::string_view rest = head.bytes.substr(head.replaced_bytes);
    error = llhttp_execute(&parser, rest.data(), rest.size());
  }
  return error;
}

// White space around a value may be tabs (RFC 9110 section 5.5), but after some
// framing fields llhttp knows only spaces. Our check has left tabs nowhere but
// in values, so llhttp may look at a copy without them; the fields keep their
// bytes. Rare, so the copy may cost an allocation.
llhttp_errno_t RunLlhttpWithoutTabs(const Head& head, llhttp_type_t type, HeaderList* headers) {
  std::string copy(head.bytes);
  std::ranges::replace(copy, '\t', ' ');
  Head parts = head;
  parts.bytes = copy;
  const llhttp_errno_t error = RunLlhttp(parts, type, headers);
  const auto original = [&](std::string_view view) {
    return head.bytes.substr(static_cast<size_t>(view.data() - copy.data()), view.size());
  };
  for (HeaderField& field : headers->fields()) {
    field.name = original(field.name);
    field.value = original(field.value);
  }
  return error;
}

// Gives the head to llhttp, whose list of the fields has to be as long as ours.
Refusal AskLlhttp(const Head& head, llhttp_type_t type, HeaderList* headers) {
  const size_t fields = headers->size();
  llhttp_errno_t error = RunLlhttp(head, type, headers);
  if (error != HPE_PAUSED && head.bytes.find('\t') != std::string_view::npos) {
    error = RunLlhttpWithoutTabs(head, type, headers);
  }
  if (error != HPE_PAUSED) return NameLlhttpError(head.bytes, head.version, headers);
  return headers->size() == fields ? Refusal::kNone : Refusal::kRejectedByParser;
}

// ---- What the fields say, beyond their bytes.

// What both kinds of message read from their fields in one walk.
struct FieldFacts {
  FramingFields framing;
  size_t connection_options = 0;
  bool close = false;
  bool keep_alive = false;
  bool upgrade_option = false;
  bool upgrade_field = false;
  bool upgrade_h2c = false;
  size_t hosts = 0;
  std::string_view host;
  bool expect_continue = false;
  bool expect_unknown = false;
  bool unusual = false;  // llhttp is to be asked
};

// False when the option is none of those that concern a connection itself.
bool ReadConnectionOption(std::string_view option, FieldFacts* facts) {
  switch (IdentifyConnectionOption(option)) {
    case ConnectionOption::kKeepAlive: return facts->keep_alive = true;
    case ConnectionOption::kClose: return facts->close = true;
    case ConnectionOption::kUpgrade: return facts->upgrade_option = true;
    case ConnectionOption::kOther: break;
  }
  return false;
}

void ReadConnection(std::string_view value, FieldFacts* facts) {
  // One option alone is the usual case.
  if (ReadConnectionOption(value, facts)) {
    ++facts->connection_options;
    return;
  }
  std::string_view option;
  for (ListReader options(value); options.Next(&option);) {
    if (++facts->connection_options > kMaxConnectionOptions) return;
    ReadConnectionOption(option, facts);
  }
}

// h2c would carry requests past every check made here, so an offer of it is no
// upgrade at all; RFC 9113 section 3.1 has withdrawn it anyway.
void ReadUpgrade(std::string_view value, FieldFacts* facts) {
  std::string_view protocol;
  for (ListReader protocols(value); protocols.Next(&protocol);) {
    if (!protocol.empty()) facts->upgrade_field = true;
    if (EqualsIgnoreCase(protocol, "h2c")) facts->upgrade_h2c = true;
  }
}

void ReadField(const HeaderField& field, FieldFacts* facts) {
  switch (field.id) {
    case FieldId::kContentLength: facts->framing.AddContentLength(field.value); break;
    case FieldId::kTransferEncoding:
      facts->framing.AddTransferEncoding(field.value);
      facts->unusual |= !EqualsIgnoreCase(field.value, "chunked");
      break;
    case FieldId::kConnection: ReadConnection(field.value, facts); break;
    case FieldId::kProxyConnection: facts->unusual = true; break;
    case FieldId::kUpgrade:
      ReadUpgrade(field.value, facts);
      facts->unusual = true;
      break;
    case FieldId::kHost:
      ++facts->hosts;
      facts->host = field.value;
      break;
    case FieldId::kExpect:
      if (EqualsIgnoreCase(field.value, "100-continue")) {
        facts->expect_continue = true;
      } else {
        facts->expect_unknown = true;
      }
      break;
    default: break;
  }
}

void ReadFields(const HeaderList& headers, FieldFacts* facts) {
  for (const HeaderField& field : headers.fields()) {
    if (field.id != FieldId::kOther) ReadField(field, facts);
  }
}

// Whether nothing is in these fields of which llhttp has an opinion of its own.
// What it would say of such a head is known, then
// (tests/fuzz/second_opinion_fuzz.cc).
bool IsOrdinary(const Head& head, const FieldFacts& facts) {
  return !head.unusual && !facts.unusual && facts.framing.Check(head.version) == Refusal::kNone;
}

// Fills `headers` and `facts` from a head whose start line has passed our
// check.
Refusal ParseFields(const Head& head, llhttp_type_t type, size_t max_fields, HeaderList* headers,
                    FieldFacts* facts) {
  Refusal refusal = ListFieldLines(head.bytes.substr(head.start_line_bytes), max_fields, headers);
  if (refusal != Refusal::kNone) return refusal;
  ReadFields(*headers, facts);
  if (IsOrdinary(head, *facts)) return Refusal::kNone;
  refusal = AskLlhttp(head, type, headers);
  if (refusal != Refusal::kNone) return refusal;
  *facts = FieldFacts{};
  ReadFields(*headers, facts);
  return Refusal::kNone;
}

bool AsksForUpgrade(const FieldFacts& facts, Version version) {
  return version == Version::kHttp11 && facts.upgrade_option && facts.upgrade_field &&
         !facts.upgrade_h2c;
}

// RFC 9112 section 3.2 and 3.2.2.
Refusal CheckHost(const FieldFacts& facts, RequestHead* head) {
  if (facts.hosts > 1) return Refusal::kRepeatedHost;
  if (facts.hosts == 0) {
    return head->version == Version::kHttp10 ? Refusal::kNone : Refusal::kMissingHost;
  }
  const std::optional<Authority> host = ParseAuthority(facts.host);
  if (!host) return Refusal::kMalformedHost;
  if (head->form == TargetForm::kAuthority) return Refusal::kNone;
  if (head->form == TargetForm::kAbsolute) {
    const std::optional<Authority> target = ParseAuthority(head->authority);
    const bool https = head->target[4] == 's' || head->target[4] == 'S';
    return SameAuthority(*target, *host, https) ? Refusal::kNone : Refusal::kHostMismatch;
  }
  head->authority = WithoutEmptyPort(facts.host);
  head->host = host->host;
  return Refusal::kNone;
}

Refusal FinishRequest(const FieldFacts& facts, RequestHead* head) {
  Refusal refusal = CheckHost(facts, head);
  if (refusal != Refusal::kNone) return refusal;
  refusal = facts.framing.Check(head->version);
  if (refusal != Refusal::kNone) return refusal;
  if (facts.connection_options > kMaxConnectionOptions) return Refusal::kTooManyConnectionOptions;

  if (facts.framing.chunked()) {
    head->body = BodyKind::kChunked;
  } else if (facts.framing.has_length()) {
    head->body = BodyKind::kLength;
    head->content_length = facts.framing.length();
  }
  head->connection_close = facts.close;
  head->connection_keep_alive = facts.keep_alive;
  head->connection_upgrade = AsksForUpgrade(facts, head->version);
  head->offers_upgrade = facts.upgrade_option && facts.upgrade_field;
  // RFC 9110 section 10.1.1: an HTTP/1.0 expectation is ignored.
  if (head->version == Version::kHttp11) {
    head->expect_unknown = facts.expect_unknown;
    head->expect_continue = facts.expect_continue && !facts.expect_unknown;
  }
  return Refusal::kNone;
}

// RFC 9112 section 6.3, in its order.
BodyKind ResponseBody(const ResponseHead& head, Method request_method,
                      const FramingFields& framing) {
  if (request_method == Method::kHead || head.informational() || head.status == 204 ||
      head.status == 304) {
    return BodyKind::kNone;
  }
  if (framing.chunked()) return BodyKind::kChunked;
  return framing.has_length() ? BodyKind::kLength : BodyKind::kUntilClose;
}

Refusal FinishResponse(const FieldFacts& facts, Method request_method, ResponseHead* head) {
  const Refusal refusal = facts.framing.Check(head->version);
  if (refusal != Refusal::kNone) return refusal;
  if (facts.connection_options > kMaxConnectionOptions) return Refusal::kTooManyConnectionOptions;

  head->body = ResponseBody(*head, request_method, facts.framing);
  // RFC 9110 section 8.6: these have no Content-Length to pass on.
  if (!head->informational() && head->status != 204) {
    head->has_content_length = facts.framing.has_length();
    head->content_length = facts.framing.length();
  }
  head->connection_close = facts.close;
  head->connection_keep_alive = facts.keep_alive;
  // Some services leave `Connection: upgrade` out of their 101, and nobody
  // minds.
  head->connection_upgrade = head->status == 101 && head->version == Version::kHttp11 &&
                             facts.upgrade_field && !facts.upgrade_h2c;
  return Refusal::kNone;
}

// RFC 9110 section 6.5.1: what changes framing, routing, authentication or the
// connection does not belong after the content.
bool ForbiddenInTrailer(const HeaderField& field) {
  switch (field.id) {
    case FieldId::kOther:
      return EqualsIgnoreCase(field.name, "cache-control") ||
             EqualsIgnoreCase(field.name, "content-encoding") ||
             EqualsIgnoreCase(field.name, "content-range") ||
             EqualsIgnoreCase(field.name, "set-cookie");
    case FieldId::kVia:
    case FieldId::kServer:
    case FieldId::kUserAgent:
    case FieldId::kWwwAuthenticate: return false;
    default: return true;
  }
}

// ---- The end of a head.

HeadScanner::Result Refused(Refusal refusal) { return {HeadScanner::Status::kRefused, 0, refusal}; }

// Names the overflow of a head that is not complete within its bound: a request
// line whose end is not in sight is a long target.
Refusal NameOverflow(std::string_view window) {
  if (window.find('\n') != std::string_view::npos) return Refusal::kHeadTooLarge;
  const auto token_end = std::find_if_not(window.begin(), window.end(), IsTokenByte);
  if (token_end == window.end()) return Refusal::kMalformedStartLine;
  return *token_end == ' ' ? Refusal::kUriTooLong : Refusal::kHeadTooLarge;
}

// Looks at the first line alone, once its end is there, and hardly ever at that.
Refusal OtherProtocol(std::string_view window, size_t scanned) {
  if (!window.starts_with("SSH-") && !window.starts_with("PROXY ")) return Refusal::kNone;
  const size_t line_feed = window.find('\n', scanned);
  if (line_feed == std::string_view::npos || window.find('\n') != line_feed) return Refusal::kNone;
  return NameLineProtocol(window.substr(0, line_feed));
}

}  // namespace

HeadScanner::Result HeadScanner::Scan(std::string_view bytes, const HeadLimits& limits) {
  const std::string_view window = bytes.substr(0, limits.head_bytes);
  if (!window.empty() && window[0] != '\r' && window[0] != '\n' && !IsTokenByte(window[0])) {
    const Refusal refusal = NameBinaryProtocol(window);
    return refusal == Refusal::kIncompleteHead ? Result{} : Refused(refusal);
  }
  if (const Refusal other = OtherProtocol(window, scanned_); other != Refusal::kNone) {
    return Refused(other);
  }
  const LineEnd end = FindHeadEnd(window, scanned_);
  switch (end.kind) {
    case LineEnd::Kind::kEmptyLine: return {Status::kComplete, end.at + 1, Refusal::kNone};
    case LineEnd::Kind::kBare: return Refused(Refusal::kBareLf);
    case LineEnd::Kind::kNone: break;
  }
  if (bytes.size() >= limits.head_bytes) return Refused(NameOverflow(window));
  scanned_ = static_cast<uint32_t>(window.size());
  return {};
}

EmptyLineSkipper::Result EmptyLineSkipper::Skip(std::string_view bytes) {
  for (size_t n = 0; n < bytes.size(); ++n) {
    if (!after_cr_ && bytes[n] != '\r') return {n, Refusal::kNone};
    if (after_cr_) {
      if (bytes[n] != '\n') return {n, Refusal::kBareCr};
      if (++lines_ > kMaxLeadingEmptyLines) return {n + 1, Refusal::kTooManyEmptyLines};
    }
    after_cr_ = !after_cr_;
  }
  return {bytes.size(), Refusal::kNone};
}

Refusal ParseRequestHead(std::string_view bytes, const HeadLimits& limits, RequestHead* head,
                         SecondOpinion opinion) {
  head->Clear();
  if (bytes.size() > limits.head_bytes) return Refusal::kHeadTooLarge;
  RequestLine line;
  Refusal refusal = CheckRequestLine(bytes, limits.uri_bytes, &line);
  // The beginning of HTTP/2 was made to look like a request (RFC 9113
  // section 3.4).
  if (refusal == Refusal::kUnsupportedVersion && line.method == "PRI") {
    return Refusal::kLooksLikeHttp2;
  }
  if (refusal != Refusal::kNone) return refusal;
  head->method_text = line.method;
  head->method = IdentifyMethod(line.method);
  head->version = line.minor_version == 0 ? Version::kHttp10 : Version::kHttp11;
  refusal = ParseTarget(line.target, head->method, head);
  if (refusal != Refusal::kNone) return refusal;

  Head parts{.bytes = bytes,
             .start_line_bytes = line.bytes,
             .version = head->version,
             .later_minor_version = line.minor_version > 1,
             .unusual = opinion == SecondOpinion::kAlways || line.minor_version > 1 ||
                        head->method == Method::kOther || head->form != TargetForm::kOrigin};
  // llhttp knows a fixed list of methods, some of them of other protocols with
  // rules of their own; any token is a method (RFC 9110 section 9.1).
  if (head->method == Method::kOther) {
    parts.replacement = "GET";
    parts.replaced_bytes = line.method.size();
  }
  FieldFacts facts;
  refusal = ParseFields(parts, HTTP_REQUEST, limits.fields, &head->headers, &facts);
  if (refusal != Refusal::kNone) return refusal;
  return FinishRequest(facts, head);
}

Refusal ParseResponseHead(std::string_view bytes, const HeadLimits& limits, Method request_method,
                          ResponseHead* head, SecondOpinion opinion) {
  head->Clear();
  if (bytes.size() > limits.head_bytes) return Refusal::kHeadTooLarge;
  StatusLine line;
  Refusal refusal = CheckStatusLine(bytes, &line);
  if (refusal != Refusal::kNone) return refusal;
  head->status = static_cast<uint16_t>(line.status);
  head->version = line.minor_version == 0 ? Version::kHttp10 : Version::kHttp11;
  head->reason = line.reason;

  const Head parts{.bytes = bytes,
                   .start_line_bytes = line.bytes,
                   .version = head->version,
                   .later_minor_version = line.minor_version > 1,
                   .unusual = opinion == SecondOpinion::kAlways || line.minor_version > 1};
  FieldFacts facts;
  refusal = ParseFields(parts, HTTP_RESPONSE, limits.fields, &head->headers, &facts);
  if (refusal != Refusal::kNone) return refusal;
  return FinishResponse(facts, request_method, head);
}

Refusal ParseTrailers(std::string_view bytes, const HeadLimits& limits, HeaderList* trailers) {
  trailers->Clear();
  if (bytes == "\r\n") return Refusal::kNone;
  if (bytes.size() > limits.head_bytes) return Refusal::kHeadTooLarge;
  // A trailer section is a head without its first line (RFC 9112
  // section 7.1.2).
  const Head parts{.bytes = bytes, .replacement = "GET / HTTP/1.1\r\n"};
  FieldFacts facts;
  const Refusal refusal = ParseFields(parts, HTTP_REQUEST, limits.fields, trailers, &facts);
  if (refusal != Refusal::kNone) return refusal;
  for (HeaderField& field : trailers->fields()) field.dropped = ForbiddenInTrailer(field);
  return Refusal::kNone;
}

}  // namespace holdfast::http
