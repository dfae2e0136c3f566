#ifndef HOLDFAST_GATEWAY_HTTP_HEADER_LIST_H_
#define HOLDFAST_GATEWAY_HTTP_HEADER_LIST_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

namespace holdfast::http {

// Fields the gateway itself looks at, recognised once while parsing (case-insensitively).
enum class FieldId : uint8_t {
  kOther,
  kConnection,
  kContentLength,
  kTransferEncoding,
  kHost,
  kKeepAlive,
  kProxyConnection,
  kTe,
  kTrailer,
  kUpgrade,
  kExpect,
  kVia,
  kForwarded,
  kXForwardedFor,
  kXForwardedProto,
  kXForwardedHost,
  kXForwardedPort,
  kXForwardedOther,  // any other X-Forwarded-* name
  kLookalike,        // framing, hop-by-hop and X-Forwarded-* names spelt with another sign for '-'
  kDate,
  kServer,
  kProxyAuthenticate,
  kProxyAuthorization,
  kProxyAuthenticationInfo,
  kAuthorization,
  kCookie,
  kUserAgent,
  kRetryAfter,
  kMaxForwards,
  kContentType,
  kHttp2Settings,
  kAltSvc,
  kWwwAuthenticate,
  kClientCert,  // Client-Cert and Client-Cert-Chain (RFC 9440), with any sign for '-'
};
// `name` is a token. kOther when the gateway has no interest in it.
FieldId IdentifyField(std::string_view name);

// Whether a reader may take `name` for `known`: letters and digits are the same in either case, and
// other signs are alike. CGI and its kin can't tell '_' from '-'.
bool LooksLikeName(std::string_view name, std::string_view known);

// A set of kinds of fields.
class FieldIds {
 public:
  constexpr FieldIds() = default;
  constexpr FieldIds(std::initializer_list<FieldId> ids) {
    for (FieldId id : ids) Add(id);
  }
  constexpr void Add(FieldId id) { bits_ |= Bit(id); }
  constexpr bool Has(FieldId id) const { return (bits_ & Bit(id)) != 0; }
  constexpr bool HasAnyOf(FieldIds others) const { return (bits_ & others.bits_) != 0; }

 private:
  static constexpr uint64_t Bit(FieldId id) { return uint64_t{1} << static_cast<int>(id); }

  uint64_t bits_ = 0;
};

struct HeaderField {
  std::string_view name;   // bytes and case as received
  std::string_view value;  // without surrounding white space
  FieldId id = FieldId::kOther;
  bool dropped = false;  // hop-by-hop: not to be forwarded
  // It came as one that no HTTP/2 connection may have in its table (RFC 7541 section 7.1.3).
  bool never_indexed = false;
};

// ASCII case-insensitive equality, for field names and tokens. Of SameIgnoringCase `b` is as long
// as `a`.
bool SameIgnoringCase(std::string_view a, const char* b);
inline bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && SameIgnoringCase(a, b.data());
}

// Fields in the order received. Clear keeps the memory, so a reused list allocates nothing. Owned
// by the thread that parses; the views it holds live as long as the bytes they were parsed from.
class HeaderList {
 public:
  void Add(const HeaderField& field) {
    fields_.push_back(field);
    ids_.Add(field.id);
  }
  void Clear() {
    fields_.clear();
    ids_ = FieldIds();
  }
  size_t size() const { return fields_.size(); }
  std::span<HeaderField> fields() { return fields_; }
  std::span<const HeaderField> fields() const { return fields_; }

  // Whether a field of that kind was added, dropped or not.
  bool Has(FieldId id) const { return ids_.Has(id); }
  bool HasAnyOf(FieldIds ids) const { return ids_.HasAnyOf(ids); }
  // The first field of that kind, or null. FindByName is for names without an id.
  const HeaderField* Find(FieldId id) const;
  const HeaderField* FindByName(std::string_view name) const;

 private:
  std::vector<HeaderField> fields_;
  FieldIds ids_;
};

}  // namespace holdfast::http

#endif  // HOLDFAST_GATEWAY_HTTP_HEADER_LIST_H_
