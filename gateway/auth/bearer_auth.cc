#include "gateway/auth/bearer_auth.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "pool/net/check.h"

namespace holdfast::auth {
namespace {

constexpr std::string_view kScheme = "Bearer";

TokenAnswer Invalid(TokenFault why, TokenFault* fault) {
  *fault = why;
  return TokenAnswer::kInvalid;
}

// The answer when that is known without a look at the token.
TokenAnswer FindToken(const http::HeaderList& fields, std::string_view* token, TokenFault* fault) {
  const http::HeaderField* only = nullptr;
  for (const http::HeaderField& field : fields.fields()) {
    if (field.id != http::FieldId::kAuthorization) continue;
    // Another reader may take another one.
    if (only != nullptr) return Invalid(TokenFault::kRepeated, fault);
    only = &field;
  }
  if (only == nullptr) return TokenAnswer::kMissing;
  std::string_view value = only->value;
  if (!http::EqualsIgnoreCase(value.substr(0, kScheme.size()), kScheme)) {
    return TokenAnswer::kMissing;
  }
  value.remove_prefix(kScheme.size());
  if (!value.empty() && !value.starts_with(' ')) return TokenAnswer::kMissing;  // "Bearers"
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  if (value.empty()) return Invalid(TokenFault::kMalformed, fault);
  if (value.size() > kMaxTokenBytes) return Invalid(TokenFault::kTooLong, fault);
  *token = value;
  return TokenAnswer::kAdmitted;
}

}  // namespace

BearerAuth::BearerAuth(WantKeys want_keys)
    : digest_(pool::KeyedDigest::FreshKey()), want_keys_(std::move(want_keys)) {}

TokenAnswer BearerAuth::Ask(const TokenRules& rules, const http::HeaderList& fields,
                            pool::WallTime now, std::shared_ptr<const GoodToken>* token,
                            TokenFault* fault) {
  std::string_view text;
  const TokenAnswer found = FindToken(fields, &text, fault);
  if (found != TokenAnswer::kAdmitted) return found;
  if (rules.keys == nullptr) {
    return rules.by_url() ? TokenAnswer::kKeysUnavailable : Invalid(TokenFault::kKeyUnknown, fault);
  }
  const TokenCache::Key key = digest_.Of({rules.identity, text});
  *token = known_.Find(key, now);
  if (*token != nullptr) return TokenAnswer::kAdmitted;
  TokenVerdict verdict = CheckToken(rules, text, now);
  switch (verdict.kind) {
    case TokenVerdict::Kind::kGood: break;
    case TokenVerdict::Kind::kBad: return Invalid(verdict.fault, fault);
    case TokenVerdict::Kind::kExpired: return TokenAnswer::kExpired;
    case TokenVerdict::Kind::kUnknownKey:
      if (rules.by_url() && want_keys_ != nullptr) Want(rules.jwks, now);
      return Invalid(verdict.fault, fault);
  }
  *token = std::move(verdict.token);
  known_.Put(key, *token);
  return TokenAnswer::kAdmitted;
}

// Anybody can send such tokens, in any number.
void BearerAuth::Want(const std::string& url, pool::WallTime now) {
  const auto over = [now](pool::WallTime told) { return now < told || now >= told + kWantEvery; };
  if (wanted_.size() >= kMaxWanted) {
    absl::erase_if(wanted_, [&over](const auto& told) { return over(told.second); });
  }
  const auto known = wanted_.find(url);
  if (known != wanted_.end() ? !over(known->second) : wanted_.size() >= kMaxWanted) return;
  wanted_[url] = now;
  want_keys_(url);
}

void DropClaims(const TokenRules& rules, http::HeaderList* fields) {
  for (const ClaimHeader& claim : rules.claims_to_headers) {
    for (http::HeaderField& field : fields->fields()) {
      field.dropped |= http::LooksLikeName(field.name, claim.header);
    }
  }
}

void WriteClaims(const TokenRules& rules, const GoodToken& token, http::HeaderList* fields) {
  HOLDFAST_CHECK(token.values.size() == rules.claims_to_headers.size());
  DropClaims(rules, fields);
  for (size_t i = 0; i < token.values.size(); ++i) {
    if (!token.values[i].has_value()) continue;
    const std::string& name = rules.claims_to_headers[i].header;
    fields->Add(
        {.name = name, .value = *token.values[i]});  // the gateway's word, whatever its name
  }
}

}  // namespace holdfast::auth
