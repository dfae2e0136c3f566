#include "gateway/http/header_list.h"

#include <array>
#include <cstring>

#include "gateway/http/folded_name.h"
#include "gateway/http/letter_case.h"
#include "gateway/http/syntax.h"

namespace holdfast::http {
namespace {

constexpr std::array<char, 256> LowerTable() {
  std::array<char, 256> table{};
  for (int byte = 0; byte < 256; ++byte) {
    table[byte] = static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
  }
  return table;
}
constexpr std::array<char, 256> kLower = LowerTable();

char Lower(char byte) { return kLower[static_cast<unsigned char>(byte)]; }

constexpr size_t kWordBytes = sizeof(uint64_t);

uint64_t WordAt(const char* p) {
  uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

// Whether they differ by more than the case of letters, which is one bit of each.
bool WordsDiffer(const char* a, const char* b) {
  constexpr uint64_t kCase = kEachByte * 0x20;
  const uint64_t word = WordAt(a);
  const uint64_t difference = word ^ WordAt(b);
  if (difference == 0) return false;
  return (difference & ~kCase) != 0 || (difference << 2 & ~CapitalsOf(word & ~difference)) != 0;
}

// `lower` is in lower case and as long as `name`.
bool Is(std::string_view name, const char* lower) {
  for (size_t i = 0; i < name.size(); ++i) {
    if (Lower(name[i]) != lower[i]) return false;
  }
  return true;
}

// A name that is known, of the length that the switch below has found.
class Known {
 public:
  consteval Known(const char* lower, FieldId id) : lower_(lower), ends_(Fold(lower)), id_(id) {}

  [[gnu::always_inline]] FieldId IdIf(std::string_view name, const FoldedEnds& ends,
                                      FieldId otherwise) const {
    if (ends != ends_) return otherwise;
    return name.size() <= kFoldedBytes || Is(name, lower_) ? id_ : otherwise;
  }

 private:
  const char* lower_;
  FoldedEnds ends_;
  FieldId id_;
};

bool IsAlphanumeric(char byte) {
  const char lower = Lower(byte);
  return (lower >= 'a' && lower <= 'z') || IsDigit(byte);
}

FieldId IdentifyForwardedFamily(std::string_view name) {
  constexpr std::string_view kPrefix = "x-forwarded-";
  const std::string_view prefix = name.substr(0, kPrefix.size());
  if (name.size() <= kPrefix.size() || !LooksLikeName(prefix, kPrefix)) return FieldId::kOther;
  return Is(prefix, kPrefix.data()) ? FieldId::kXForwardedOther : FieldId::kLookalike;
}

FieldId IdentifyClientCert(std::string_view name, FieldId otherwise) {
  const bool cert = LooksLikeName(name, "client-cert") || LooksLikeName(name, "client-cert-chain");
  return cert ? FieldId::kClientCert : otherwise;
}

// "keep-alive".
constexpr size_t kShortestLookalike = 10;

// Of names that are none of those below, which a reader might take for one that frames a message or
// belongs to one hop. Their first letters are looked at first: nearly every field ends there.
[[gnu::noinline]] FieldId IdentifyLookalike(std::string_view name) {
  const auto lookalike = [&](std::string_view lower) {
    return LooksLikeName(name, lower) ? FieldId::kLookalike : FieldId::kOther;
  };
  switch (Lower(name[0])) {
    case 'x': return IdentifyForwardedFamily(name);
    case 'c': return IdentifyClientCert(name, lookalike("content-length"));
    case 't': return lookalike("transfer-encoding");
    case 'k': return lookalike("keep-alive");
    case 'p': return lookalike("proxy-connection");
    case 'h': return lookalike("http2-settings");
    default: return FieldId::kOther;
  }
}

FieldId IdentifyKnown(std::string_view name) {
  const FoldedEnds ends = Fold(name);
  const auto pick = [&](auto... known) __attribute__((always_inline)) {
    FieldId id = FieldId::kOther;
    ((id = known.IdIf(name, ends, id)), ...);
    return id;
  };
  switch (name.size()) {
    case 2: return pick(Known("te", FieldId::kTe));
    case 3: return pick(Known("via", FieldId::kVia));
    case 4: return pick(Known("host", FieldId::kHost), Known("date", FieldId::kDate));
    case 6:
      return pick(Known("cookie", FieldId::kCookie), Known("expect", FieldId::kExpect),
                  Known("server", FieldId::kServer));
    case 7:
      return pick(Known("upgrade", FieldId::kUpgrade), Known("trailer", FieldId::kTrailer),
                  Known("alt-svc", FieldId::kAltSvc));
    case 9: return pick(Known("forwarded", FieldId::kForwarded));
    case 10:
      return pick(Known("connection", FieldId::kConnection),
                  Known("keep-alive", FieldId::kKeepAlive),
                  Known("user-agent", FieldId::kUserAgent));
    case 11: return pick(Known("retry-after", FieldId::kRetryAfter));
    case 12:
      return pick(Known("content-type", FieldId::kContentType),
                  Known("max-forwards", FieldId::kMaxForwards));
    case 13: return pick(Known("authorization", FieldId::kAuthorization));
    case 14:
      return pick(Known("content-length", FieldId::kContentLength),
                  Known("http2-settings", FieldId::kHttp2Settings));
    case 15: return pick(Known("x-forwarded-for", FieldId::kXForwardedFor));
    case 16:
      return pick(Known("proxy-connection", FieldId::kProxyConnection),
                  Known("x-forwarded-host", FieldId::kXForwardedHost),
                  Known("x-forwarded-port", FieldId::kXForwardedPort),
                  Known("www-authenticate", FieldId::kWwwAuthenticate));
    case 17:
      return pick(Known("transfer-encoding", FieldId::kTransferEncoding),
                  Known("x-forwarded-proto", FieldId::kXForwardedProto));
    case 18: return pick(Known("proxy-authenticate", FieldId::kProxyAuthenticate));
    case 19: return pick(Known("proxy-authorization", FieldId::kProxyAuthorization));
    case 25: return pick(Known("proxy-authentication-info", FieldId::kProxyAuthenticationInfo));
    default: return FieldId::kOther;
  }
}

}  // namespace

FieldId IdentifyField(std::string_view name) {
  const FieldId id = IdentifyKnown(name);
  return id == FieldId::kOther && name.size() >= kShortestLookalike ? IdentifyLookalike(name) : id;
}

bool LooksLikeName(std::string_view name, std::string_view known) {
  if (name.size() != known.size()) return false;
  for (size_t i = 0; i < name.size(); ++i) {
    const bool sign = !IsAlphanumeric(known[i]);
    if (sign ? IsAlphanumeric(name[i]) : Lower(name[i]) != Lower(known[i])) return false;
  }
  return true;
}

bool SameIgnoringCase(std::string_view a, const char* b) {
  const auto differ_at = [&](size_t at) { return WordsDiffer(a.data() + at, b + at); };
  if (a.size() >= kWordBytes) {
    const size_t last = a.size() - kWordBytes;
    for (size_t i = 0; i < last; i += kWordBytes) {
      if (differ_at(i)) return false;
    }
    return !differ_at(last);
  }
  for (size_t i = 0; i < a.size(); ++i) {
    if (Lower(a[i]) != Lower(b[i])) return false;
  }
  return true;
}

const HeaderField* HeaderList::Find(FieldId id) const {
  if (!Has(id)) return nullptr;
  for (const HeaderField& field : fields_) {
    if (field.id == id) return &field;
  }
  return nullptr;
}

const HeaderField* HeaderList::FindByName(std::string_view name) const {
  for (const HeaderField& field : fields_) {
    if (EqualsIgnoreCase(field.name, name)) return &field;
  }
  return nullptr;
}

}  // namespace holdfast::http
