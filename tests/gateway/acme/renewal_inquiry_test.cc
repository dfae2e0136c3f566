#include "gateway/acme/renewal_inquiry.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "tests/gateway/acme/fake_authority.h"
#include "tests/support/manual_clock.h"

namespace holdfast::acme {
namespace {

class RenewalInquiryTest : public testing::Test {
 protected:
  RenewalInquiry::Result Ask() {
    std::optional<RenewalInquiry::Result> result;
    RenewalInquiry inquiry(&loop_, &dialogue_, kDirectory, "aki.serial",
                           [&](RenewalInquiry::Result said) { result = std::move(said); });
    inquiry.Start();
    for (int turn = 0; turn < 20 && !result.has_value(); ++turn) {
      loop_.RunOnce(pool::Duration::zero());
    }
    EXPECT_TRUE(result.has_value());
    return result.value_or(RenewalInquiry::Result());
  }

  pool::ManualClock clock_;
  pool::EventLoop loop_{&clock_};
  FakeAuthority authority_;
  FakeExchanges exchanges_{&loop_, &authority_};
  Dialogue dialogue_{&loop_, &exchanges_, Account{.key = pool::SigningKey::Make(), .url = {}}};
};

TEST_F(RenewalInquiryTest, TheWindowIsBroughtAndWhenToAskAgain) {
  authority_.directory_more = R"(, "renewalInfo": "https://ca.test/ari")";
  authority_.Say("/ari/aki.serial",
                 {.status = 200,
                  .body = R"({"suggestedWindow": {"start": "2026-01-02T00:00:00Z",
                                                  "end": "2026-01-03T00:00:00Z"}})",
                  .retry_after = "3600"});
  const RenewalInquiry::Result result = Ask();
  ASSERT_TRUE(result.info.has_value()) << result.trouble;
  EXPECT_EQ(result.ask_again, std::chrono::hours(1));
}

TEST_F(RenewalInquiryTest, AnAuthorityWithoutItHasNothingToSay) {
  const RenewalInquiry::Result result = Ask();
  EXPECT_FALSE(result.info.has_value());
  EXPECT_EQ(result.trouble, "");
  EXPECT_EQ(authority_.asked, std::vector<std::string>{"GET /dir"});
}

TEST_F(RenewalInquiryTest, EachFailureIsTold) {
  authority_.Say("/dir", {.trouble = "no route"});
  EXPECT_EQ(Ask().trouble, "no route");
  authority_.Say("/dir", {.status = 200, .body = "<html>"});
  EXPECT_NE(Ask().trouble, "");
  authority_.directory_more = R"(, "renewalInfo": "https://ca.test/ari")";
  authority_.Say("/ari/aki.serial", FakeAuthority::Problem(404, "malformed", "which?"));
  EXPECT_EQ(Ask().trouble, "malformed: which?");
  authority_.Say("/ari/aki.serial", {.status = 200, .body = "{}"});
  EXPECT_NE(Ask().trouble, "");
}

TEST_F(RenewalInquiryTest, ACertificateIsNamedByItsAuthoritysKeyAndItsNumber) {
  const std::string name = RenewalName(pool::SiteFor({"a.test"}).chain());
  const size_t dot = name.find('.');
  ASSERT_NE(dot, std::string::npos) << name;
  EXPECT_EQ(FromBase64Url(name.substr(0, dot)).size(), 20u);
  EXPECT_FALSE(FromBase64Url(name.substr(dot + 1)).empty());
  EXPECT_EQ(RenewalName(pool::SelfSigned({}).chain()), "") << "nobody's";
  EXPECT_EQ(RenewalName({.pem = "", .name = "none"}), "");
}

}  // namespace
}  // namespace holdfast::acme
