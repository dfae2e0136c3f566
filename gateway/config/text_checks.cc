#include "gateway/config/text_checks.h"

#include <algorithm>

#include <absl/strings/ascii.h>

#include "gateway/config/address.h"
#include "gateway/config/peer_set.h"
#include "gateway/http/header_list.h"
#include "gateway/policy/pattern.h"
#include "gateway/policy/trace_context.h"
#include "pool/net/socket_address.h"

namespace holdfast::config {
namespace {

constexpr size_t kMaxName = 128;
constexpr size_t kMaxPath = 1024;
constexpr size_t kMaxFieldName = 128;
constexpr size_t kMaxFieldValue = 8 * 1024;
constexpr size_t kMaxFilePath = 4096;
constexpr size_t kMaxSubjectName = 1024;
constexpr size_t kMaxCipherList = 4096;
constexpr size_t kMaxHostName = 253;
constexpr size_t kMaxUrl = 2048;

// RFC 9112 section 6 (framing), RFC 9110 section 7.6.1 (one hop), and Date, which is always ours.
constexpr std::string_view kReservedFields[] = {
    "connection", "content-length",    "date",    "keep-alive", "proxy-connection",
    "te",         "transfer-encoding", "trailer", "upgrade",
};

bool IsVisible(char c) { return c > 0x20 && c < 0x7f; }

bool IsTokenByte(char c) {
  return IsVisible(c) && std::string_view("\"(),/:;<=>?@[\\]{}").find(c) == std::string_view::npos;
}

bool IsBracketedIpv6(std::string_view text) {
  return text.starts_with('[') && text.ends_with(']') &&
         pool::SocketAddress::FromIp(text, 0).has_value();
}

}  // namespace

bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= kMaxName && std::ranges::all_of(text, [](char c) {
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\'' && c != '\\';
  });
}

bool IsHostPattern(std::string_view text) {
  if (text == "*") return true;
  if (text.starts_with("*.")) return IsHostName(text.substr(2));
  if (IsHostName(text) || IsBracketedIpv6(text)) return true;
  return text.find(':') == std::string_view::npos &&
         pool::SocketAddress::FromIp(text, 0).has_value();
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  absl::AsciiStrToLower(&lower);
  return lower;
}

std::string CanonicalHost(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  return LowerCase(host);
}

bool IsPath(std::string_view text) {
  return text.starts_with('/') && text.size() <= kMaxPath && std::ranges::all_of(text, IsVisible) &&
         text.find_first_of("?#") == std::string_view::npos;
}

bool IsOriginForm(std::string_view text) {
  const std::string_view path = text.substr(0, text.find('?'));
  return text.size() <= kMaxPath && IsPath(path) && std::ranges::all_of(text, IsVisible) &&
         text.find('#') == std::string_view::npos;
}

bool IsHostField(std::string_view text) {
  if (text.find('*') != std::string_view::npos) return false;
  // The last colon of an IPv6 address stands inside its brackets.
  const size_t colon = text.rfind(':');
  const bool has_port = colon != std::string_view::npos && !text.ends_with(']');
  return IsHostPattern(has_port ? text.substr(0, colon) : text) &&
         (!has_port || IsPort(text.substr(colon + 1)));
}

bool IsTokenName(std::string_view text) {
  return !text.empty() && text.size() <= kMaxFieldName && std::ranges::all_of(text, IsTokenByte);
}

bool IsRouteMethod(std::string_view text) {
  return IsTokenName(text) && std::ranges::none_of(text, absl::ascii_islower) && text != "CONNECT";
}

bool IsPatternText(std::string_view text) {
  return !text.empty() && text.size() <= policy::Pattern::kMaxBytes;
}

bool IsFieldName(std::string_view text) {
  if (!IsTokenName(text)) return false;
  return std::ranges::find(kReservedFields, LowerCase(text)) == std::end(kReservedFields);
}

bool IsIdentityFieldName(std::string_view text) {
  if (!IsFieldName(text)) return false;
  switch (http::IdentifyField(text)) {
    case http::FieldId::kOther:
    case http::FieldId::kClientCert:
    case http::FieldId::kXForwardedOther: return true;
    default: return false;
  }
}

// Others have a meaning for clients and services, and an id in them would break that.
bool IsRequestIdFieldName(std::string_view text) {
  constexpr std::string_view kTaken[] = {
      "accept-ranges",   "age",           "allow",      "cache-control",  "etag",   "expires",
      "if-match",        "last-modified", "link",       "location",       "origin", "range",
      "referer",         "refresh",       "set-cookie", "sec-fetch-site", "server", "vary",
      "www-authenticate"};
  constexpr std::string_view kTakenPrefixes[] = {
      "accept", "access-control-", "content-", "grpc-", "if-", "sec-", "x-content-", "x-frame-"};
  const std::string name = LowerCase(text);
  if (std::ranges::find(kTaken, name) != std::end(kTaken)) return false;
  for (const std::string_view prefix : kTakenPrefixes) {
    if (name.starts_with(prefix)) return false;
  }
  return IsFieldName(text) && http::IdentifyField(text) == http::FieldId::kOther &&
         !http::EqualsIgnoreCase(text, policy::kTraceparent) &&
         !http::EqualsIgnoreCase(text, policy::kTracestate);
}

bool IsPeer(std::string_view text) { return PeerSet().Add(text); }

bool IsFieldValue(std::string_view text) {
  constexpr std::string_view kWhiteSpace = " \t";
  if (text.size() > kMaxFieldValue) return false;
  if (text.empty()) return true;
  if (kWhiteSpace.find(text.front()) != std::string_view::npos) return false;
  if (kWhiteSpace.find(text.back()) != std::string_view::npos) return false;
  return std::ranges::none_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

bool IsRedirectTarget(std::string_view text) {
  if (text.size() > kMaxPath || text.find_first_of("\"'<>\\") != std::string_view::npos ||
      !std::ranges::all_of(text, IsVisible)) {
    return false;
  }
  // "//host" would leave this site without looking as if it did (RFC 3986 section 4.2).
  if (text.starts_with('/')) return !text.starts_with("//");
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!text.starts_with(scheme)) continue;
    const std::string_view rest = text.substr(scheme.size());
    const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
    return !authority.empty() && authority.find('@') == std::string_view::npos;
  }
  return false;
}

bool IsServerName(std::string_view text) {
  return IsHostName(text) || pool::SocketAddress::FromIp(text, 0).has_value();
}

bool IsCertifiableName(std::string_view text) {
  constexpr size_t kMaxLabel = 63;
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || text.size() > kMaxHostName) return false;
  size_t labels = 0;
  std::string_view last;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('.', begin), text.size());
    last = text.substr(begin, end - begin);
    if (last.empty() || last.size() > kMaxLabel || last.front() == '-' || last.back() == '-') {
      return false;
    }
    const bool sound = std::ranges::all_of(last, [](char byte) {
      return absl::ascii_isalnum(static_cast<unsigned char>(byte)) || byte == '-';
    });
    if (!sound) return false;
    ++labels;
    begin = end + 1;
  }
  const bool number = last.find_first_not_of("0123456789") == std::string_view::npos;
  return labels >= 2 && !number;
}

bool IsHttpsUrl(std::string_view text) {
  constexpr std::string_view kScheme = "https://";
  if (!text.starts_with(kScheme) || text.size() > kMaxUrl) return false;
  const std::string_view rest = text.substr(kScheme.size());
  const size_t path = rest.find('/');
  return path != std::string_view::npos && IsHostField(rest.substr(0, path)) &&
         IsOriginForm(rest.substr(path));
}

bool IsMailAddress(std::string_view text) {
  const size_t at = text.find('@');
  if (at == 0 || at == std::string_view::npos || at + 1 == text.size()) return false;
  return text.size() <= kMaxHostName && std::ranges::count(text, '@') == 1 &&
         std::ranges::all_of(text, [](char byte) {
           return byte > ' ' && byte < 0x7f &&
                  std::string_view("\"\\,;?#%&<>()[]:").find(byte) == std::string_view::npos;
         });
}

bool IsSubjectName(std::string_view text) {
  if (!text.starts_with("dns:") && !text.starts_with("uri:")) return false;
  const std::string_view name = text.substr(4);
  return !name.empty() && text.size() <= kMaxSubjectName &&
         std::ranges::all_of(name, [](char byte) { return byte > ' ' && byte < 0x7f; });
}

bool IsCipherList(std::string_view text) {
  return !text.empty() && text.size() <= kMaxCipherList && std::ranges::all_of(text, [](char byte) {
    return absl::ascii_isalnum(static_cast<unsigned char>(byte)) ||
           std::string_view("-_:+@!").find(byte) != std::string_view::npos;
  });
}

bool IsFilePath(std::string_view text) {
  return text.size() > 1 && text.starts_with('/') && text.size() <= kMaxFilePath &&
         text.find('\0') == std::string_view::npos;
}

bool IsFileGlob(std::string_view text) {
  return !text.empty() && text.size() <= kMaxFilePath &&
         std::ranges::none_of(text, [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; });
}

bool IsLogTarget(std::string_view text) {
  return text == "stdout" || text == "stderr" || IsFilePath(text);
}

}  // namespace holdfast::config
