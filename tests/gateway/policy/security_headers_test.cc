#include "gateway/policy/security_headers.h"

#include <algorithm>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace holdfast::policy {
namespace {

std::string ValueOf(const HeaderRules& rules, std::string_view name) {
  for (const auto& [field, value] : rules.set_if_missing) {
    if (field == name) return value;
  }
  return "none";
}

TEST(SecurityHeadersTest, OffAddsNothing) {
  EXPECT_TRUE(WithSecurityHeaders({}, SecurityHeaders::kOff, true).empty());
}

TEST(SecurityHeadersTest, APresetFillsInWhatIsMissing) {
  const HeaderRules basic = WithSecurityHeaders({}, SecurityHeaders::kBasic, true);
  EXPECT_EQ(ValueOf(basic, "x-content-type-options"), "nosniff");
  EXPECT_EQ(ValueOf(basic, "x-frame-options"), "SAMEORIGIN");
  EXPECT_EQ(ValueOf(basic, "content-security-policy"), "none");
  EXPECT_EQ(ValueOf(basic, "strict-transport-security"), "max-age=31536000");
  const HeaderRules strict = WithSecurityHeaders({}, SecurityHeaders::kStrict, true);
  EXPECT_EQ(ValueOf(strict, "x-frame-options"), "DENY");
  EXPECT_EQ(ValueOf(strict, "cross-origin-opener-policy"), "same-origin");
  EXPECT_EQ(ValueOf(strict, "strict-transport-security"), "max-age=31536000; includeSubDomains");
}

TEST(SecurityHeadersTest, WhoSpeaksInClearIsToldNothingOfTls) {
  for (const SecurityHeaders preset : {SecurityHeaders::kBasic, SecurityHeaders::kStrict}) {
    EXPECT_EQ(ValueOf(WithSecurityHeaders({}, preset, false), "strict-transport-security"), "none");
  }
}

TEST(SecurityHeadersTest, ARuleOfTheRouteComesFirst) {
  const HeaderRules own{.set = {{"X-Frame-Options", "ALLOWALL"}},
                        .set_if_missing = {{"referrer-policy", "origin"}},
                        .add = {{"x-content-type-options", "x"}},
                        .remove = {"strict-transport-security"}};
  const HeaderRules rules = WithSecurityHeaders(own, SecurityHeaders::kBasic, true);
  EXPECT_EQ(rules, own);
}

}  // namespace
}  // namespace holdfast::policy
