#include "gateway/policy/security_headers.h"

#include <algorithm>
#include <string_view>

#include "gateway/http/header_list.h"

namespace holdfast::policy {
namespace {

struct Preset {
  std::string_view name;
  std::string_view basic;  // empty: none
  std::string_view strict;
};
constexpr Preset kPresets[] = {
    {"x-content-type-options", "nosniff", "nosniff"},
    {"x-frame-options", "SAMEORIGIN", "DENY"},
    {"referrer-policy", "strict-origin-when-cross-origin", "no-referrer"},
    {"content-security-policy", "", "frame-ancestors 'none'; base-uri 'self'; object-src 'none'"},
    {"cross-origin-opener-policy", "", "same-origin"},
    {"cross-origin-resource-policy", "", "same-origin"},
    {"x-permitted-cross-domain-policies", "", "none"},
};
constexpr Preset kTransport = {"strict-transport-security", "max-age=31536000",
                               "max-age=31536000; includeSubDomains"};

bool Names(const HeaderRules::Fields& fields, std::string_view name) {
  return std::ranges::any_of(
      fields, [name](const auto& field) { return http::LooksLikeName(field.first, name); });
}

bool IsAbout(const HeaderRules& rules, std::string_view name) {
  return Names(rules.set, name) || Names(rules.set_if_missing, name) || Names(rules.add, name) ||
         std::ranges::any_of(rules.remove, [name](const std::string& removed) {
           return http::LooksLikeName(removed, name);
         });
}

}  // namespace

HeaderRules WithSecurityHeaders(HeaderRules rules, SecurityHeaders preset, bool encrypted) {
  if (preset == SecurityHeaders::kOff) return rules;
  const auto add = [&](const Preset& field) {
    const std::string_view value = preset == SecurityHeaders::kStrict ? field.strict : field.basic;
    if (value.empty() || IsAbout(rules, field.name)) return;
    rules.set_if_missing.emplace_back(field.name, value);
  };
  for (const Preset& field : kPresets) add(field);
  if (encrypted) add(kTransport);
  return rules;
}

}  // namespace holdfast::policy
