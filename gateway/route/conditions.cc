#include "gateway/route/conditions.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "gateway/grpc/fields.h"
#include "gateway/http/header_list.h"
#include "gateway/http/syntax.h"
#include "pool/net/ipv4_text.h"
#include "pool/net/socket_address.h"

namespace holdfast::route {
namespace {

using Kind = config::ValueMatch::Kind;

// The bytes of a name or value of a query one after the other, decoded: "+" is a blank
// (application/x-www-form-urlencoded), and what is no escape is itself.
class Decoder {
 public:
  explicit Decoder(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  char Next() {
    if (rest_.size() >= 3 && rest_[0] == '%') {
      const int high = http::HexValue(rest_[1]);
      const int low = http::HexValue(rest_[2]);
      if (high >= 0 && low >= 0) {
        rest_.remove_prefix(3);
        return static_cast<char>(high * 16 + low);
      }
    }
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c == '+' ? ' ' : c;
  }

 private:
  std::string_view rest_;
};

// `whole`: they are the same; otherwise the encoded one begins with the text.
bool DecodesTo(std::string_view encoded, std::string_view text, bool whole) {
  Decoder decoder(encoded);
  for (const char c : text) {
    if (decoder.done() || decoder.Next() != c) return false;
  }
  return !whole || decoder.done();
}

std::string Decoded(std::string_view encoded) {
  std::string text;
  for (Decoder decoder(encoded); !decoder.done();) text.push_back(decoder.Next());
  return text;
}

bool FitsField(const config::ValueMatch& match, std::string_view value) {
  switch (match.kind) {
    case Kind::kExact: return value == match.text;
    case Kind::kPrefix: return value.starts_with(match.text);
    case Kind::kPattern: return match.pattern.Matches(value);
    case Kind::kPresent:
    case Kind::kAbsent: return true;
  }
  return false;
}

// Whether there is a field of that name that fits.
bool HasField(const http::HeaderList& fields, const config::ValueMatch& match) {
  return std::ranges::any_of(fields.fields(), [&](const http::HeaderField& field) {
    return !field.dropped && http::EqualsIgnoreCase(field.name, match.name) &&
           FitsField(match, field.value);
  });
}

bool FitsParameter(const config::ValueMatch& match, std::string_view value) {
  switch (match.kind) {
    case Kind::kExact: return DecodesTo(value, match.text, /*whole=*/true);
    case Kind::kPrefix: return DecodesTo(value, match.text, /*whole=*/false);
    case Kind::kPattern: return match.pattern.Matches(Decoded(value));
    case Kind::kPresent:
    case Kind::kAbsent: return true;
  }
  return false;
}

bool HasParameter(std::string_view query, const config::ValueMatch& match) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view piece = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const size_t equals = piece.find('=');
    const std::string_view name = piece.substr(0, equals);
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : piece.substr(equals + 1);
    if (DecodesTo(name, match.name, /*whole=*/true) && FitsParameter(match, value)) return true;
  }
  return false;
}

bool MeetsPath(const config::Match& match, std::string_view path) {
  if (!match.path_pattern.empty()) return match.path_pattern.Matches(path);
  return match.exact_path ? path == match.path : HasPrefix(path, match.path);
}

bool Excepts(const config::Match& exception, std::string_view path, const Asking& asking) {
  return MeetsPath(exception, path) && MeetsMethod(exception, asking) &&
         MeetsConditions(exception, path, asking);
}

}  // namespace

bool IsOf(const config::PeerSet& set, std::string_view client) {
  if (const auto ipv4 = pool::ReadIpv4(client)) return set.Contains(*ipv4);
  const auto address = pool::SocketAddress::FromIp(client, 0);
  return set.Contains(address.has_value() ? *address : pool::SocketAddress());
}

bool MeetsConditions(const config::Match& match, std::string_view path, const Asking& asking) {
  if (match.scheme != config::ClientScheme::kAny &&
      (match.scheme == config::ClientScheme::kHttps) != asking.encrypted) {
    return false;
  }
  for (const config::ValueMatch& field : match.headers) {
    const bool found = asking.head != nullptr && HasField(asking.head->headers, field);
    if (found == (field.kind == Kind::kAbsent)) return false;
  }
  for (const config::ValueMatch& parameter : match.query) {
    const bool found = asking.head != nullptr && HasParameter(asking.head->query, parameter);
    if (found == (parameter.kind == Kind::kAbsent)) return false;
  }
  if (match.protocol == config::Speech::kGrpc &&
      (asking.head == nullptr || !grpc::IsCall(*asking.head))) {
    return false;
  }
  if (!match.clients.empty() && !IsOf(match.clients, asking.client)) return false;
  return std::ranges::none_of(match.exceptions, [&](const config::Match& exception) {
    return Excepts(exception, path, asking);
  });
}

bool AdmitsListed(const config::Route& route, std::string_view client) {
  if (!route.deny.empty() && IsOf(route.deny, client)) return false;
  return route.allow.empty() || IsOf(route.allow, client);
}

}  // namespace holdfast::route
