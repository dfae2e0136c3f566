#include "gateway/http/target.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "gateway/http/syntax.h"

namespace holdfast::http {
namespace {

// RFC 3986 section 3.2.2: unreserved and sub-delims. Not escapes: "%61.test" is "a.test" to readers
// who decode (section 6.2.2.2) and another host to those who do not, as routes would be.
constexpr std::array<bool, 256> RegNameTable() {
  std::array<bool, 256> table{};
  for (unsigned char byte : std::string_view("-._~!$&'()*+;=0123456789"
                                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                             "abcdefghijklmnopqrstuvwxyz")) {
    table[byte] = true;
  }
  return table;
}
constexpr std::array<bool, 256> kRegNameBytes = RegNameTable();

// How many leading bytes are a registered name or an IPv4 address.
size_t RegNameBytes(std::string_view text) {
  const auto end = std::ranges::find_if_not(
      text, [](char byte) { return kRegNameBytes[static_cast<unsigned char>(byte)]; });
  return static_cast<size_t>(end - text.begin());
}

// How many leading bytes are an IPv6 address in brackets; 0 for none.
size_t BracketedAddressBytes(std::string_view text) {
  const size_t close = text.find(']');
  if (close == std::string_view::npos) return 0;
  std::array<char, INET6_ADDRSTRLEN> address{};
  const std::string_view inside = text.substr(1, close - 1);
  constexpr std::string_view kAddressBytes = "0123456789abcdefABCDEF:.";
  if (inside.size() >= address.size()) return 0;
  if (inside.find_first_not_of(kAddressBytes) != std::string_view::npos) return 0;
  std::memcpy(address.data(), inside.data(), inside.size());
  in6_addr parsed;
  return inet_pton(AF_INET6, address.data(), &parsed) == 1 ? close + 1 : 0;
}

// -1 when it is not a port.
int ParsePort(std::string_view digits) {
  if (digits.empty() || digits.size() > 5) return -1;
  int port = 0;
  for (char byte : digits) {
    if (!IsDigit(byte)) return -1;
    port = port * 10 + (byte - '0');
  }
  return port <= 65535 ? port : -1;
}

void SplitQuery(std::string_view path_and_query, RequestHead* head) {
  const size_t mark = path_and_query.find('?');
  head->path = path_and_query.substr(0, mark);
  head->has_query = mark != std::string_view::npos;
  if (head->has_query) head->query = path_and_query.substr(mark + 1);
}

// The length of "http://" or "https://" at the front; 0 for any other scheme.
size_t SchemeBytes(std::string_view target) {
  for (std::string_view scheme : {std::string_view("http://"), std::string_view("https://")}) {
    if (EqualsIgnoreCase(target.substr(0, scheme.size()), scheme)) return scheme.size();
  }
  return 0;
}

bool HasOtherScheme(std::string_view target) {
  const size_t colon = target.find("://");
  if (colon == 0 || colon == std::string_view::npos) return false;
  for (char byte : target.substr(0, colon)) {
    if (!IsTokenByte(byte)) return false;
  }
  return true;
}

Refusal ParseAbsoluteForm(std::string_view target, Method method, RequestHead* head) {
  const size_t scheme = SchemeBytes(target);
  if (scheme == 0) {
    return HasOtherScheme(target) ? Refusal::kUnsupportedScheme : Refusal::kMalformedTarget;
  }
  const std::string_view rest = target.substr(scheme);
  const size_t authority_bytes = std::min(rest.find_first_of("/?"), rest.size());
  head->form = TargetForm::kAbsolute;
  head->authority = rest.substr(0, authority_bytes);
  if (head->authority.find('@') != std::string_view::npos) return Refusal::kUserinfoInTarget;
  const std::optional<Authority> authority = ParseAuthority(head->authority);
  if (!authority) return Refusal::kMalformedTarget;
  head->authority = WithoutEmptyPort(head->authority);
  head->host = authority->host;
  SplitQuery(rest.substr(authority_bytes), head);
  if (head->path.empty()) {
    head->path = method == Method::kOptions && !head->has_query ? "*" : "/";
  }
  return Refusal::kNone;
}

// RFC 9112 section 3.2.3: CONNECT alone, and the port is not optional.
Refusal ParseAuthorityForm(std::string_view target, RequestHead* head) {
  const std::optional<Authority> authority = ParseAuthority(target);
  if (!authority || authority->port < 0) return Refusal::kMalformedTarget;
  head->form = TargetForm::kAuthority;
  head->authority = target;
  head->host = authority->host;
  return Refusal::kNone;
}

}  // namespace

std::optional<Authority> ParseAuthority(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const size_t host = text.front() == '[' ? BracketedAddressBytes(text) : RegNameBytes(text);
  if (host == 0) return std::nullopt;
  Authority authority{text.substr(0, host), -1};
  if (host == text.size()) return authority;
  if (text[host] != ':') return std::nullopt;
  if (host + 1 == text.size()) return authority;
  authority.port = ParsePort(text.substr(host + 1));
  if (authority.port < 0) return std::nullopt;
  return authority;
}

std::string_view WithoutEmptyPort(std::string_view authority) {
  if (!authority.empty() && authority.back() == ':') authority.remove_suffix(1);
  return authority;
}

Refusal ParseTarget(std::string_view target, Method method, RequestHead* head) {
  head->target = target;
  if (method == Method::kConnect) return ParseAuthorityForm(target, head);
  if (target.front() == '/') {
    head->form = TargetForm::kOrigin;
    SplitQuery(target, head);
    return Refusal::kNone;
  }
  if (target == "*") {
    // RFC 9112 section 3.2.4: OPTIONS alone.
    if (method != Method::kOptions) return Refusal::kMalformedTarget;
    head->form = TargetForm::kAsterisk;
    head->path = target;
    return Refusal::kNone;
  }
  return ParseAbsoluteForm(target, method, head);
}

bool SameAuthority(const Authority& target, const Authority& host, bool https) {
  const int default_port = https ? 443 : 80;
  const int target_port = target.port < 0 ? default_port : target.port;
  const int host_port = host.port < 0 ? default_port : host.port;
  return target_port == host_port && EqualsIgnoreCase(target.host, host.host);
}

}  // namespace holdfast::http
