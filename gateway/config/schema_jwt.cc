#include <algorithm>

#include "gateway/auth/token_rules.h"
#include "gateway/config/field.h"
#include "gateway/config/scalar_shapes.h"
#include "gateway/config/schema.h"
#include "gateway/config/text_checks.h"
#include "gateway/fetch/url.h"

// The table of a route's `jwt`.

namespace holdfast::config {
namespace {

using auth::TokenRules;
using Kind = Shape::Kind;

bool IsKeyPlace(std::string_view text) {
  return IsFilePath(text) || fetch::ParseUrl(text).has_value();
}
constexpr Shape kKeyPlace = {
    .kind = Kind::kText,
    .expected = "an absolute path, or a URL such as https://login.example.com/jwks.json",
    .check = IsKeyPlace,
};

bool IsClaimText(std::string_view text) {
  return !text.empty() && text.size() <= 1024 && std::ranges::none_of(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}
constexpr Shape kClaimText = {
    .kind = Kind::kText,
    .expected = "a text of 1 to 1024 bytes without control characters",
    .check = IsClaimText,
};

constexpr Shape kAlgorithm = WordShape<pool::SignatureAlgorithm>();
constexpr Shape kSignatureAlgorithms = {
    .kind = Kind::kList,
    .expected = "a list of ES256, ES384, RS256, PS256, EdDSA",
    .min = 1,
    .max = pool::kSignatureAlgorithmWords.size(),
    .element = &kAlgorithm,
};

constexpr Shape kClaimHeaders = {
    .kind = Kind::kNamed,
    .expected = "a field name such as x-user that the gateway has no other use for",
    .max = 32,
    .element = &kClaimText,
    .check = IsIdentityFieldName,
};
void ReadClaimHeaders(const YamlNode& node, TokenRules* rules) {
  for (const auto& [header, claim] : node.entries) {
    rules->claims_to_headers.push_back({.header = header.text, .claim = claim.text});
  }
}

constexpr Shape kLeeway = {.kind = Kind::kDuration, .min = 0, .max = 3600 * kSecond};

constexpr Key kJwtKeys[] = {
    Field<&TokenRules::jwks>("jwks", kKeyPlace,
                             "The issuer's keys, a JSON Web Key Set with EC (P-256, P-384), RSA or "
                             "Ed25519: a file, read at the start and at each reload, or a URL, "
                             "which is fetched again and again while requests go on.")
        .Required("/etc/holdfast/jwks.json"),
    Field<&TokenRules::issuer>("issuer", kClaimText, "What the claim iss is, exactly.")
        .Required("https://login.example.com"),
    Field<&TokenRules::audience>("audience", kClaimText, "What the claim aud is, or has among it.")
        .Required("api"),
    Field<&TokenRules::algorithms>("algorithms", kSignatureAlgorithms,
                                   "How tokens may be signed; none and HS256 never.")
        .Required("[ES256]"),
    Custom<&ReadClaimHeaders>(
        "claims_to_headers", kClaimHeaders,
        "Fields for the upstream, and the claims that they have: {x-user: sub}. The client's own "
        "are taken out, whatever comes of its token.")
        .Otherwise("none"),
    Field<&TokenRules::leeway>("leeway", kLeeway,
                               "How far the issuer's clock may be off, for exp, nbf and iat."),
    Field<&TokenRules::jwks_ca>("jwks_ca", kServerAuthorities,
                                "Who may vouch for the server of the URL; system means those of "
                                "this machine."),
    Field<&TokenRules::jwks_over_http>(
        "jwks_over_http", kBoolean,
        "Whether the URL may be one of http that leads to another machine. Whoever is on the way "
        "can then make tokens of its own."),
};

}  // namespace

constexpr Shape kJwt = OrWords(
    Mapping<TokenRules>("a mapping such as {jwks: /etc/holdfast/jwks.json, issuer: "
                        "\"https://login.example.com\", audience: api, algorithms: [ES256]}",
                        kJwtKeys),
    kOff);

}  // namespace holdfast::config
