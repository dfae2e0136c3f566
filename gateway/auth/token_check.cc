#include "gateway/auth/token_check.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <utility>

#include "gateway/auth/base64.h"
#include "gateway/auth/json_members.h"

namespace holdfast::auth {
namespace {

using pool::SignatureAlgorithm;
using Kind = TokenVerdict::Kind;

// The end of the year 9999.
constexpr double kMaxDate = 253402300799.0;

// A token's parts, as they are written.
struct Parts {
  std::string_view header;
  std::string_view claims;
  std::string_view signature;
  std::string_view signed_text;  // the first two and the dot between them
};

TokenVerdict Bad(TokenFault fault) {
  return {.kind = Kind::kBad, .fault = fault, .token = nullptr};
}

std::optional<Parts> Split(std::string_view token) {
  const size_t first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const size_t second = token.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  // A third one is no letter of base64url. Five parts would be an encrypted token (RFC 7516).
  return Parts{.header = token.substr(0, first),
               .claims = token.substr(first + 1, second - first - 1),
               .signature = token.substr(second + 1),
               .signed_text = token.substr(0, second)};
}

std::optional<JsonMembers> Read(std::string_view part) {
  std::array<char, kMaxTokenBytes / 4 * 3> bytes;
  const std::optional<size_t> size = DecodeBase64Url(part, bytes);
  if (!size.has_value()) return std::nullopt;
  return JsonMembers::Parse({bytes.data(), *size});
}

// What a header asks for.
struct Asked {
  SignatureAlgorithm algorithm;
  std::optional<std::string> key_id;
};

TokenFault ReadHeader(const TokenRules& rules, std::string_view part, Asked* asked) {
  const std::optional<JsonMembers> header = Read(part);
  if (!header.has_value()) return TokenFault::kMalformed;
  // RFC 7515 section 4.1.11: what is critical and not understood makes the token a bad one, and no
  // extension is understood.
  if (header->Has("crit")) return TokenFault::kCritical;
  const JsonMember* const algorithm = header->Find("alg");
  if (algorithm == nullptr || algorithm->kind != JsonMember::Kind::kText) {
    return TokenFault::kAlgorithm;
  }
  const auto known = pool::kSignatureAlgorithmWords.ValueOf(algorithm->text);
  if (!known.has_value() || std::ranges::find(rules.algorithms, *known) == rules.algorithms.end()) {
    return TokenFault::kAlgorithm;
  }
  asked->algorithm = *known;
  if (const JsonMember* const id = header->Find("kid")) {
    if (id->kind != JsonMember::Kind::kText || id->text.empty()) return TokenFault::kMalformed;
    asked->key_id = id->text;
  }
  return TokenFault::kNone;
}

bool IsKnown(const KeySet& keys, const Asked& asked) {
  return !asked.key_id.has_value() ||
         std::ranges::find(keys.keys(), *asked.key_id, &KeySet::Key::id) != keys.keys().end();
}

TokenFault CheckSignature(const KeySet& keys, const Asked& asked, const Parts& parts) {
  std::array<char, pool::PublicKey::kMaxSignatureBytes> bytes;
  const std::optional<size_t> size = DecodeBase64Url(parts.signature, bytes);
  if (!size.has_value()) return TokenFault::kSignature;
  const std::string_view signature(bytes.data(), *size);
  size_t tried = 0;
  for (const KeySet::Key& key : keys.keys()) {
    if (!key.Fits(asked.algorithm) || (asked.key_id.has_value() && *asked.key_id != key.id)) {
      continue;
    }
    if (tried == kMaxKeysTried) return TokenFault::kTooManyKeys;
    if (key.key.Verify(asked.algorithm, parts.signed_text, signature)) return TokenFault::kNone;
    ++tried;
  }
  return tried == 0 ? TokenFault::kKeyUnfit : TokenFault::kSignature;
}

// RFC 7519 section 2: seconds, which need not be whole. False: it is there and is none. nullopt
// stays: it is not there.
bool ReadDate(const JsonMembers& claims, std::string_view name,
              std::optional<pool::WallTime>* date) {
  const JsonMember* const claim = claims.Find(name);
  if (claim == nullptr) return true;
  if (claim->kind != JsonMember::Kind::kNumber || !(claim->number >= 0) ||
      !(claim->number <= kMaxDate)) {
    return false;
  }
  // The clock's nanoseconds end in the year 2262.
  const auto most =
      std::chrono::floor<std::chrono::seconds>(pool::WallTime::max()) - std::chrono::hours(24);
  const auto told = std::chrono::sys_seconds(
      std::chrono::seconds(static_cast<int64_t>(std::floor(claim->number))));
  *date = std::min<std::chrono::sys_seconds>(told, most);
  return true;
}

bool IsText(const JsonMembers& claims, std::string_view name, std::string_view text) {
  const JsonMember* const claim = claims.Find(name);
  return claim != nullptr && claim->kind == JsonMember::Kind::kText && claim->text == text;
}

// RFC 7519 section 4.1.3.
bool IsFor(const JsonMembers& claims, std::string_view audience) {
  if (IsText(claims, "aud", audience)) return true;
  const JsonMember* const claim = claims.Find("aud");
  return claim != nullptr && claim->kind == JsonMember::Kind::kTexts &&
         std::ranges::find(claim->texts, audience) != claim->texts.end();
}

// What a field may hold and is read as: blanks at its ends would be lost.
bool IsFieldText(std::string_view text) {
  return std::ranges::none_of(text,
                              [](char c) {
                                const auto byte = static_cast<unsigned char>(c);
                                return byte < 0x20 || byte == 0x7f;
                              }) &&
         !text.starts_with(' ') && !text.ends_with(' ');
}

// False: no field can say it so that it is read as the same.
bool ReadValue(const JsonMember* claim, std::optional<std::string>* value) {
  if (claim == nullptr || claim->kind == JsonMember::Kind::kOther) return true;
  if (claim->kind != JsonMember::Kind::kTexts) {
    *value = claim->text;
    return IsFieldText(claim->text);
  }
  std::string joined;
  for (const std::string& text : claim->texts) {
    // One with a comma in it would be read as two.
    if (!IsFieldText(text) || text.find(',') != std::string::npos) return false;
    if (&text != &claim->texts.front()) joined.push_back(',');
    joined += text;
  }
  *value = std::move(joined);
  return true;
}

TokenVerdict CheckClaims(const TokenRules& rules, const JsonMembers& claims, pool::WallTime now) {
  std::optional<pool::WallTime> expires;
  std::optional<pool::WallTime> not_before;
  std::optional<pool::WallTime> issued;
  if (!ReadDate(claims, "exp", &expires) || !ReadDate(claims, "nbf", &not_before) ||
      !ReadDate(claims, "iat", &issued)) {
    return Bad(TokenFault::kDate);
  }
  if (!expires.has_value()) return Bad(TokenFault::kNoExpiry);
  if (!IsText(claims, "iss", rules.issuer)) return Bad(TokenFault::kIssuer);
  if (!IsFor(claims, rules.audience)) return Bad(TokenFault::kAudience);
  const pool::WallTime latest = now + rules.leeway;
  if (not_before.value_or(now) > latest || issued.value_or(now) > latest) {
    return Bad(TokenFault::kNotYetValid);
  }
  auto token = std::make_shared<GoodToken>();
  for (const ClaimHeader& wanted : rules.claims_to_headers) {
    if (!ReadValue(claims.Find(wanted.claim), &token->values.emplace_back())) {
      return Bad(TokenFault::kClaim);
    }
  }
  token->until = *expires + rules.leeway;
  if (now >= token->until) return {.kind = Kind::kExpired, .token = nullptr};
  return {.kind = Kind::kGood, .token = std::move(token)};
}

}  // namespace

TokenVerdict CheckToken(const TokenRules& rules, std::string_view token, pool::WallTime now) {
  if (token.size() > kMaxTokenBytes) return Bad(TokenFault::kTooLong);
  const std::optional<Parts> parts = Split(token);
  if (!parts.has_value()) return Bad(TokenFault::kMalformed);
  if (rules.keys == nullptr) return Bad(TokenFault::kKeyUnknown);
  Asked asked{};
  TokenFault fault = ReadHeader(rules, parts->header, &asked);
  if (fault != TokenFault::kNone) return Bad(fault);
  if (!IsKnown(*rules.keys, asked)) {
    return {.kind = Kind::kUnknownKey, .fault = TokenFault::kKeyUnknown, .token = nullptr};
  }
  fault = CheckSignature(*rules.keys, asked, *parts);
  if (fault != TokenFault::kNone) return Bad(fault);
  const std::optional<JsonMembers> claims = Read(parts->claims);
  if (!claims.has_value()) return Bad(TokenFault::kMalformed);
  return CheckClaims(rules, *claims, now);
}

}  // namespace holdfast::auth
