#include "gateway/http/header_list.h"

#include <array>

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

// `lower` is in lower case and as long as `name`.
bool Is(std::string_view name, const char* lower) {
  for (size_t i = 0; i < name.size(); ++i) {
    if (Lower(name[i]) != lower[i]) return false;
  }
  return true;
}

FieldId Pick(std::string_view name, const char* lower, FieldId id) {
  return Is(name, lower) ? id : FieldId::kOther;
}

bool IsAlphanumeric(char byte) {
  const char lower = Lower(byte);
  return (lower >= 'a' && lower <= 'z') || IsDigit(byte);
}

// Upstreams that turn names into environment variables (CGI, WSGI) cannot tell '_' from '-', and
// some cannot tell any other sign from it.
bool LooksLike(std::string_view name, std::string_view lower) {
  if (name.size() != lower.size()) return false;
  for (size_t i = 0; i < name.size(); ++i) {
    const bool same = lower[i] == '-' ? !IsAlphanumeric(name[i]) : Lower(name[i]) == lower[i];
    if (!same) return false;
  }
  return true;
}

FieldId IdentifyForwardedFamily(std::string_view name) {
  constexpr std::string_view kPrefix = "x-forwarded-";
  const std::string_view prefix = name.substr(0, kPrefix.size());
  if (name.size() <= kPrefix.size() || !LooksLike(prefix, kPrefix)) return FieldId::kOther;
  return Is(prefix, kPrefix.data()) ? FieldId::kXForwardedOther : FieldId::kLookalike;
}

// Of names that are none of those below, which a reader might take for one that frames a message or
// belongs to one hop. Their first letters are looked at first: nearly every field ends there.
FieldId IdentifyLookalike(std::string_view name) {
  const auto lookalike = [&](std::string_view lower) {
    return LooksLike(name, lower) ? FieldId::kLookalike : FieldId::kOther;
  };
  switch (Lower(name[0])) {
    case 'x': return IdentifyForwardedFamily(name);
    case 'c': return lookalike("content-length");
    case 't': return lookalike("transfer-encoding");
    case 'k': return lookalike("keep-alive");
    case 'p': return lookalike("proxy-connection");
    case 'h': return lookalike("http2-settings");
    default: return FieldId::kOther;
  }
}

FieldId IdentifyShort(std::string_view name) {
  switch (name.size()) {
    case 2: return Pick(name, "te", FieldId::kTe);
    case 3: return Pick(name, "via", FieldId::kVia);
    case 4:
      return Lower(name[0]) == 'h' ? Pick(name, "host", FieldId::kHost)
                                   : Pick(name, "date", FieldId::kDate);
    case 6:
      switch (Lower(name[0])) {
        case 'c': return Pick(name, "cookie", FieldId::kCookie);
        case 'e': return Pick(name, "expect", FieldId::kExpect);
        default: return Pick(name, "server", FieldId::kServer);
      }
    case 7:
      switch (Lower(name[0])) {
        case 'u': return Pick(name, "upgrade", FieldId::kUpgrade);
        case 't': return Pick(name, "trailer", FieldId::kTrailer);
        default: return Pick(name, "alt-svc", FieldId::kAltSvc);
      }
    case 9: return Pick(name, "forwarded", FieldId::kForwarded);
    default: return FieldId::kOther;
  }
}

FieldId IdentifyMiddle(std::string_view name) {
  switch (name.size()) {
    case 10:
      switch (Lower(name[0])) {
        case 'c': return Pick(name, "connection", FieldId::kConnection);
        case 'k': return Pick(name, "keep-alive", FieldId::kKeepAlive);
        default: return Pick(name, "user-agent", FieldId::kUserAgent);
      }
    case 11: return Pick(name, "retry-after", FieldId::kRetryAfter);
    case 12:
      return Lower(name[0]) == 'c' ? Pick(name, "content-type", FieldId::kContentType)
                                   : Pick(name, "max-forwards", FieldId::kMaxForwards);
    case 13: return Pick(name, "authorization", FieldId::kAuthorization);
    default:
      return Lower(name[0]) == 'c' ? Pick(name, "content-length", FieldId::kContentLength)
                                   : Pick(name, "http2-settings", FieldId::kHttp2Settings);
  }
}

FieldId IdentifyLong(std::string_view name) {
  switch (name.size()) {
    case 15: return Pick(name, "x-forwarded-for", FieldId::kXForwardedFor);
    case 16:
      if (Lower(name[0]) == 'p') return Pick(name, "proxy-connection", FieldId::kProxyConnection);
      return Lower(name[12]) == 'h' ? Pick(name, "x-forwarded-host", FieldId::kXForwardedHost)
                                    : Pick(name, "x-forwarded-port", FieldId::kXForwardedPort);
    case 17:
      return Lower(name[0]) == 't' ? Pick(name, "transfer-encoding", FieldId::kTransferEncoding)
                                   : Pick(name, "x-forwarded-proto", FieldId::kXForwardedProto);
    case 18: return Pick(name, "proxy-authenticate", FieldId::kProxyAuthenticate);
    case 19: return Pick(name, "proxy-authorization", FieldId::kProxyAuthorization);
    case 25: return Pick(name, "proxy-authentication-info", FieldId::kProxyAuthenticationInfo);
    default: return FieldId::kOther;
  }
}

}  // namespace

FieldId IdentifyField(std::string_view name) {
  if (name.size() < 10) return IdentifyShort(name);
  const FieldId id = name.size() < 15 ? IdentifyMiddle(name) : IdentifyLong(name);
  return id == FieldId::kOther ? IdentifyLookalike(name) : id;
}

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (Lower(a[i]) != Lower(b[i])) return false;
  }
  return true;
}

const HeaderField* HeaderList::Find(FieldId id) const {
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
