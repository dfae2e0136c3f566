#ifndef HOLDFAST_GATEWAY_POLICY_SECURITY_HEADERS_H_
#define HOLDFAST_GATEWAY_POLICY_SECURITY_HEADERS_H_

#include <cstdint>

#include "gateway/policy/header_rules.h"
#include "pool/net/word_table.h"

namespace holdfast::policy {

// Sets of fields by which a response tells browsers to be careful.
enum class SecurityHeaders : uint8_t { kOff, kBasic, kStrict };
inline constexpr auto kSecurityHeadersWords =
    pool::Words<SecurityHeaders>({{"off", SecurityHeaders::kOff},
                                  {"basic", SecurityHeaders::kBasic},
                                  {"strict", SecurityHeaders::kStrict}});
constexpr const auto& WordsOf(SecurityHeaders) { return kSecurityHeadersWords; }

// The rules and the preset, which adds fields that a response lacks. A name that the rules are
// about is theirs alone. `encrypted`: for clients that speak TLS; the others get no
// Strict-Transport-Security (RFC 6797 section 7.2).
HeaderRules WithSecurityHeaders(HeaderRules rules, SecurityHeaders preset, bool encrypted);

}  // namespace holdfast::policy

#endif  // HOLDFAST_GATEWAY_POLICY_SECURITY_HEADERS_H_
