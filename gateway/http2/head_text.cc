#include "gateway/http2/head_text.h"

#include <algorithm>
#include <array>

#include "gateway/http/byte_scan.h"
#include "gateway/http/header_list.h"
#include "gateway/http/parser.h"
#include "gateway/http/syntax.h"
#include "gateway/http/target.h"

namespace holdfast::http2 {

using http::FieldId;
using http::Refusal;

namespace {

// RFC 9113 section 6.5.2.
constexpr size_t kFieldCharge = 32;
constexpr size_t kMaxStatusDigits = 3;

// RFC 9113 section 8.2.2. TE may say that trailers are welcome; HTTP2-Settings is about an upgrade
// that is over.
constexpr http::FieldIds kOfOneConnection = {FieldId::kConnection, FieldId::kTransferEncoding,
                                             FieldId::kKeepAlive, FieldId::kProxyConnection,
                                             FieldId::kUpgrade};

bool AllTarget(std::string_view text) {
  const char* const end = text.data() + text.size();
  return http::SkipTargetBytes(text.data(), end) == end;
}

// The bytes of tokens but for capitals.
constexpr std::array<bool, 256> NameByteTable() {
  std::array<bool, 256> table = http::kTokenBytes;
  for (char capital = 'A'; capital <= 'Z'; ++capital) table[static_cast<size_t>(capital)] = false;
  return table;
}
constexpr std::array<bool, 256> kNameBytes = NameByteTable();

// RFC 9113 section 8.2.1: stricter than it, as for HTTP/1.
Refusal CheckName(std::string_view name) {
  if (name.empty()) return Refusal::kEmptyFieldName;
  for (const char byte : name) {
    if (kNameBytes[static_cast<unsigned char>(byte)]) continue;
    return http::IsToken(name) ? Refusal::kUpperCaseFieldName : Refusal::kMalformedFieldName;
  }
  return Refusal::kNone;
}

Refusal CheckValue(std::string_view value) {
  const char* const end = value.data() + value.size();
  const char* const stop = http::SkipValueBytes(value.data(), end);
  if (stop != end) {
    switch (*stop) {
      case '\0': return Refusal::kNul;
      case '\r': return Refusal::kBareCr;
      case '\n': return Refusal::kBareLf;
      default: return Refusal::kControlByte;
    }
  }
  const bool padded =
      !value.empty() && (http::IsWhiteSpace(value.front()) || http::IsWhiteSpace(value.back()));
  return padded ? Refusal::kControlByte : Refusal::kNone;
}

}  // namespace

void HeadText::Begin(const Limits& limits) {
  if (begun_) Reset();
  begun_ = true;
  limits_ = limits;
}

void HeadText::Reset() {
  begun_ = false;
  refusal_ = Refusal::kNone;
  for (TextBuilder* text : {&lines_, &text_, &cookie_, &pseudo_text_}) text->Clear();
  pseudo_.fill({});
  never_indexed_.clear();
  has_ = 0;
  regular_begun_ = has_host_ = has_length_ = false;
  charged_ = 0;
  fields_ = crumbs_ = 0;
}

void HeadText::Clear() {
  if (!begun_) return;
  Reset();
  for (TextBuilder* text : {&lines_, &text_, &cookie_, &pseudo_text_}) {
    text->ClearKeeping(kKeptBytes);
  }
}

void HeadText::AddField(const ReceivedField& field) {
  const auto [name, value, never_indexed] = field;
  const Refusal charged = Charge(name, value);
  if (refusal_ == Refusal::kNone) refusal_ = charged;
  if (refusal_ != Refusal::kNone) return;
  refusal_ =
      !name.empty() && name[0] == ':' ? AddPseudo(name.substr(1), value) : AddRegular(name, value);
  if (never_indexed && refusal_ == Refusal::kNone) never_indexed_.emplace_back(name);
}

// Before anything is copied, and whatever becomes of the field.
Refusal HeadText::Charge(std::string_view name, std::string_view value) {
  charged_ += name.size() + value.size() + kFieldCharge;
  return charged_ > limits_.max_head_bytes ? Refusal::kHeadTooLarge : Refusal::kNone;
}

// kPseudos for what is none.
HeadText::Pseudo HeadText::Named(std::string_view name) {
  switch (name.size()) {
    case 4: return name == "path" ? kPath : kPseudos;
    case 6:
      if (name == "method") return kMethod;
      if (name == "scheme") return kScheme;
      return name == "status" ? kStatus : kPseudos;
    case 8: return name == "protocol" ? kProtocol : kPseudos;
    case 9: return name == "authority" ? kAuthority : kPseudos;
    default: return kPseudos;
  }
}

Refusal HeadText::AddPseudo(std::string_view name, std::string_view value) {
  const Pseudo field = Named(name);
  if (field == kPseudos || regular_begun_ || Has(field)) return Refusal::kMisplacedPseudoField;
  has_ |= static_cast<uint8_t>(1u << field);
  switch (field) {
    case kMethod:
    case kProtocol:
      if (!http::IsToken(value)) return Refusal::kMalformedStartLine;
      break;
    case kPath:
      if (value.size() > limits_.max_uri_bytes) return Refusal::kUriTooLong;
      [[fallthrough]];
    case kScheme:
    case kAuthority:
      if (!AllTarget(value)) return Refusal::kTargetBytes;
      break;
    case kStatus:
      if (value.size() != kMaxStatusDigits ||
          !std::all_of(value.begin(), value.end(), http::IsDigit))
        return Refusal::kMalformedStartLine;
      break;
    case kPseudos: break;
  }
  pseudo_[field] = {static_cast<uint32_t>(pseudo_text_.size()),
                    static_cast<uint32_t>(value.size())};
  pseudo_text_.Append(value);
  return Refusal::kNone;
}

Refusal HeadText::AddRegular(std::string_view name, std::string_view value) {
  regular_begun_ = true;
  if (const Refusal refusal = CheckName(name); refusal != Refusal::kNone) return refusal;
  if (const Refusal refusal = CheckValue(value); refusal != Refusal::kNone) return refusal;
  const FieldId id = http::IdentifyField(name);
  if (id == FieldId::kCookie) return AddCrumb(value);
  if (++fields_ > limits_.max_fields) return Refusal::kTooManyFields;
  if (kOfOneConnection.Has(id)) return Refusal::kFieldOfOneConnection;
  if (id == FieldId::kTe && value != "trailers") return Refusal::kFieldOfOneConnection;
  if (id == FieldId::kHost && !Value(kAuthority).empty()) {
    // RFC 9113 section 8.3.1: it may only repeat what is known.
    if (has_host_) return Refusal::kRepeatedHost;
    has_host_ = true;
    return RepeatsAuthority(value) ? Refusal::kNone : Refusal::kHostMismatch;
  }
  has_length_ |= id == FieldId::kContentLength;
  AppendLine(name, value);
  return Refusal::kNone;
}

bool HeadText::RepeatsAuthority(std::string_view host) const {
  if (http::EqualsIgnoreCase(host, Value(kAuthority))) return true;
  const auto named = http::ParseAuthority(Value(kAuthority));
  const auto repeated = http::ParseAuthority(host);
  const bool https = http::EqualsIgnoreCase(Value(kScheme), "https");
  return named.has_value() && repeated.has_value() && http::SameAuthority(*named, *repeated, https);
}

// RFC 9113 section 8.2.3.
Refusal HeadText::AddCrumb(std::string_view value) {
  if (++crumbs_ > limits_.max_cookie_crumbs) return Refusal::kTooManyFields;
  if (crumbs_ == 1 && ++fields_ > limits_.max_fields) return Refusal::kTooManyFields;
  cookie_.Append(crumbs_ > 1 ? "; " : "", value);
  return Refusal::kNone;
}

bool HeadText::HasOnly(std::initializer_list<Pseudo> needed,
                       std::initializer_list<Pseudo> allowed) const {
  unsigned need = 0;
  unsigned allow = 0;
  for (Pseudo field : needed) need |= 1u << field;
  for (Pseudo field : allowed) allow |= 1u << field;
  return (has_ & need) == need && (has_ & ~(need | allow)) == 0;
}

// RFC 9113 sections 8.3.1 and 8.5, RFC 8441 section 4.
Refusal HeadText::RequestLine() {
  const bool tunnel = AsksForTunnel();
  const bool connect = Value(kMethod) == "CONNECT" && !tunnel;
  const bool complete = connect  ? HasOnly({kMethod, kAuthority}, {})
                        : tunnel ? HasOnly({kMethod, kScheme, kAuthority, kPath, kProtocol}, {}) &&
                                       Value(kMethod) == "CONNECT"
                                 : HasOnly({kMethod, kScheme, kPath}, {kAuthority});
  if (!complete) return Refusal::kMisplacedPseudoField;
  // What follows is another protocol's, without a length.
  if (tunnel && has_length_) return Refusal::kMalformedContentLength;
  const std::string_view path = Value(kPath);
  if (!connect) {
    const std::string_view scheme = Value(kScheme);
    if (!http::EqualsIgnoreCase(scheme, "http") && !http::EqualsIgnoreCase(scheme, "https")) {
      return Refusal::kUnsupportedScheme;
    }
    const bool asterisk = path == "*" && Value(kMethod) == "OPTIONS";
    if (!path.starts_with('/') && !asterisk) return Refusal::kMalformedTarget;
  }
  text_.Append(tunnel ? "GET" : Value(kMethod), " ", connect ? Value(kAuthority) : path,
               " HTTP/1.1\r\n");
  // RFC 9113 section 8.3.1: as Host it goes first.
  if (Has(kAuthority)) text_.Append("host: ", Value(kAuthority), "\r\n");
  if (tunnel) text_.Append("Connection: upgrade\r\nUpgrade: ", Value(kProtocol), "\r\n");
  return Refusal::kNone;
}

void HeadText::MarkNeverIndexed(http::HeaderList* fields) const {
  for (const std::string& name : never_indexed_) {
    for (http::HeaderField& field : fields->fields()) {
      field.never_indexed |= http::EqualsIgnoreCase(field.name, name);
    }
  }
}

void HeadText::EndLines(bool ends) {
  if (crumbs_ > 0) AppendLine("cookie", cookie_.text());
  // What follows has an end, however it is framed.
  if (!ends && !has_length_) lines_.Append("transfer-encoding: chunked\r\n");
  text_.Append(lines_.text(), "\r\n");
}

Refusal HeadText::FinishRequest(bool ends, http::RequestHead* head) {
  head->Clear();
  if (refusal_ == Refusal::kNone) refusal_ = RequestLine();
  if (refusal_ != Refusal::kNone) return refusal_;
  EndLines(ends || AsksForTunnel());
  // The parser counts our lines as well: the limits were kept above.
  const http::HeadLimits limits{.head_bytes = text_.size(),
                                .fields = limits_.max_fields + 5,
                                .uri_bytes = limits_.max_uri_bytes};
  refusal_ = http::ParseRequestHead(text_.text(), limits, head);
  if (refusal_ != Refusal::kNone) return refusal_;
  MarkNeverIndexed(&head->headers);
  head->version = http::Version::kHttp2;
  // Of the protocols of this very hop there is no tunnel.
  if (AsksForTunnel() && !head->connection_upgrade) refusal_ = Refusal::kMisplacedPseudoField;
  if (ends && head->content_length != 0) refusal_ = Refusal::kMalformedContentLength;
  return refusal_;
}

Refusal HeadText::FinishResponse(bool ends, http::Method request_method, http::ResponseHead* head) {
  head->Clear();
  if (refusal_ == Refusal::kNone && !HasOnly({kStatus}, {})) {
    refusal_ = Refusal::kMisplacedPseudoField;
  }
  // RFC 9113 section 8.6.
  if (refusal_ == Refusal::kNone && Value(kStatus) == "101") {
    refusal_ = Refusal::kMalformedStartLine;
  }
  if (refusal_ != Refusal::kNone) return refusal_;
  text_.Append("HTTP/1.1 ", Value(kStatus), " \r\n");
  EndLines(/*ends=*/true);
  const http::HeadLimits limits{.head_bytes = text_.size(),
                                .fields = limits_.max_fields + 3,
                                .uri_bytes = limits_.max_uri_bytes};
  refusal_ = http::ParseResponseHead(text_.text(), limits, request_method, head);
  if (refusal_ != Refusal::kNone) return refusal_;
  MarkNeverIndexed(&head->headers);
  head->version = http::Version::kHttp2;
  if (ends && head->body == http::BodyKind::kLength && head->content_length != 0) {
    refusal_ = Refusal::kMalformedContentLength;
  }
  // It may have a body, but of what length it has not said: none, if this is the end.
  if (head->body == http::BodyKind::kUntilClose) {
    head->body = ends ? http::BodyKind::kLength : http::BodyKind::kChunked;
  }
  return refusal_;
}

Refusal HeadText::FinishTrailers(http::HeaderList* trailers) {
  trailers->Clear();
  if (refusal_ == Refusal::kNone && has_ != 0) refusal_ = Refusal::kMisplacedPseudoField;
  if (refusal_ != Refusal::kNone) return refusal_;
  EndLines(/*ends=*/true);
  const http::HeadLimits limits{.head_bytes = text_.size(), .fields = limits_.max_fields + 1};
  refusal_ = http::ParseTrailers(text_.text(), limits, trailers);
  if (refusal_ == Refusal::kNone) MarkNeverIndexed(trailers);
  return refusal_;
}

}  // namespace holdfast::http2
