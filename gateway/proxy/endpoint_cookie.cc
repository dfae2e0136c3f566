#include "gateway/proxy/endpoint_cookie.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include <absl/strings/escaping.h>

#include "gateway/http/cookies.h"
#include "pool/tls/digest.h"

namespace holdfast::proxy {
namespace {

using Secure = config::StickyCookie::Secure;
using SameSite = config::StickyCookie::SameSite;

constexpr size_t kTagBytes = 16;
// Texts are filled up to whole blocks, so that the length says next to nothing.
constexpr size_t kBlockBytes = sizeof(pool::KeyedDigest::Value);
constexpr size_t kMaxBlocks = pool::SocketAddress::kMaxText / kBlockBytes;
static_assert(pool::SocketAddress::kMaxText % kBlockBytes == 0);
// In base64 without padding.
constexpr size_t kMaxValue = ((kTagBytes + kMaxBlocks * kBlockBytes) * 4 + 2) / 3;

pool::KeyedDigest::Key KeyOf(const config::StickyCookie& options,
                             const pool::KeyedDigest::Key& process_key) {
  if (options.key.empty()) return process_key;
  pool::KeyedDigest::Key key;
  std::ranges::copy(pool::Sha256(options.key), key.begin());
  return key;
}

std::string_view AsText(const pool::KeyedDigest::Value& value) {
  return {reinterpret_cast<const char*>(value.data()), value.size()};
}

// In a time that depends on their length alone.
bool SameBytes(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char differing = 0;
  for (size_t i = 0; i < a.size(); ++i) differing |= static_cast<unsigned char>(a[i] ^ b[i]);
  return differing == 0;
}

std::string_view SameSiteText(SameSite same_site) {
  switch (same_site) {
    case SameSite::kLax: return "; SameSite=Lax";
    case SameSite::kStrict: return "; SameSite=Strict";
    case SameSite::kNone: return "; SameSite=None";
    case SameSite::kOff: break;
  }
  return {};
}

}  // namespace

EndpointCookie::EndpointCookie(std::string upstream, const config::StickyCookie& options,
                               const pool::KeyedDigest::Key& process_key)
    : upstream_(std::move(upstream)), options_(options), digest_(KeyOf(options, process_key)) {}

std::string EndpointCookie::TagOf(std::string_view text) const {
  return std::string(
      AsText(digest_.Of({"endpoint cookie tag", upstream_, text})).substr(0, kTagBytes));
}

void EndpointCookie::Mask(std::string_view tag, std::string* text) const {
  for (size_t begin = 0; begin < text->size(); begin += kBlockBytes) {
    const char block = static_cast<char>(begin / kBlockBytes);
    const auto mask = digest_.Of({"endpoint cookie mask", tag, {&block, 1}});
    for (size_t i = 0; i < kBlockBytes; ++i) {
      (*text)[begin + i] = static_cast<char>((*text)[begin + i] ^ mask[i]);
    }
  }
}

std::optional<pool::SocketAddress> EndpointCookie::EndpointOf(
    const http::HeaderList& fields) const {
  const std::string_view value = http::CookieOf(fields, options_.name);
  std::string bytes;
  if (value.empty() || value.size() > kMaxValue ||
      !absl::WebSafeBase64Unescape(absl::string_view(value.data(), value.size()), &bytes)) {
    return std::nullopt;
  }
  if (bytes.size() <= kTagBytes || (bytes.size() - kTagBytes) % kBlockBytes != 0) {
    return std::nullopt;
  }
  const std::string_view tag = std::string_view(bytes).substr(0, kTagBytes);
  std::string text = bytes.substr(kTagBytes);
  Mask(tag, &text);
  if (!SameBytes(TagOf(text), tag)) return std::nullopt;
  return pool::SocketAddress::Parse(std::string_view(text).substr(0, text.find('\0')));
}

void EndpointCookie::WriteSetCookie(const pool::SocketAddress& endpoint, bool encrypted,
                                    std::string* value) const {
  std::array<char, pool::SocketAddress::kMaxText> room;
  std::string text(endpoint.FormatTo(room));
  text.resize((text.size() + kBlockBytes - 1) / kBlockBytes * kBlockBytes, '\0');
  const std::string tag = TagOf(text);
  Mask(tag, &text);
  *value = options_.name + "=" + absl::WebSafeBase64Escape(tag + text) + "; Path=/";
  if (options_.ttl.has_value()) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*options_.ttl);
    *value += "; Max-Age=" + std::to_string(seconds.count());
  }
  if (options_.secure == Secure::kAlways || (options_.secure == Secure::kAuto && encrypted)) {
    *value += "; Secure";
  }
  if (options_.http_only) *value += "; HttpOnly";
  *value += SameSiteText(options_.same_site);
}

}  // namespace holdfast::proxy
