#include "gateway/proxy/hash_key.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/http/header_list.h"
#include "pool/key_hash.h"
#include "tests/support/allocation_counter.h"

namespace holdfast::proxy {
namespace {

using Source = config::HashKey::Source;
using pool::HashBytes;

struct Field {
  std::string_view name;
  std::string_view value;
};

http::RequestHead Head(const std::vector<Field>& fields) {
  http::RequestHead head;
  head.path = "/cart/17";
  head.query = "page=2";
  head.has_query = true;
  for (const auto& [name, value] : fields) {
    head.headers.Add({.name = name, .value = value, .id = http::IdentifyField(name)});
  }
  return head;
}

std::optional<uint64_t> HeaderHash(const std::vector<Field>& fields) {
  return HashOf({.source = Source::kHeader, .name = "x-tenant"}, Head(fields), "10.0.0.9");
}

std::optional<uint64_t> CookieHash(const std::vector<Field>& fields) {
  return HashOf({.source = Source::kCookie, .name = "sid"}, Head(fields), "10.0.0.9");
}

TEST(HashKeyTest, TheClientsAddress) {
  EXPECT_EQ(HashOf({.source = Source::kClientAddress}, Head({}), "2001:db8::1"),
            HashBytes("2001:db8::1"));
}

TEST(HashKeyTest, NoAddressNoKey) {
  EXPECT_EQ(HashOf({.source = Source::kClientAddress}, Head({}), ""), std::nullopt);
}

TEST(HashKeyTest, ThePathWithoutQuery) {
  EXPECT_EQ(HashOf({.source = Source::kPath}, Head({}), "10.0.0.9"), HashBytes("/cart/17"));
}

TEST(HashKeyTest, AHeaderWhateverItsCase) {
  EXPECT_EQ(HeaderHash({{"Accept", "*/*"}, {"X-Tenant", "Blue"}}), HashBytes("Blue"));
}

TEST(HashKeyTest, TheFirstOfSeveralHeaders) {
  EXPECT_EQ(HeaderHash({{"x-tenant", "one"}, {"x-tenant", "two"}}), HashBytes("one"));
}

TEST(HashKeyTest, AHeaderThatIsAbsentOrEmptyIsNoKey) {
  EXPECT_EQ(HeaderHash({{"x-tenants", "blue"}}), std::nullopt);
  EXPECT_EQ(HeaderHash({{"x-tenant", ""}}), std::nullopt);
}

TEST(HashKeyTest, AHeaderThatWasTakenOutIsNone) {
  http::RequestHead head = Head({{"x-tenant", "theirs"}});
  head.headers.fields()[0].dropped = true;
  const config::HashKey key = {.source = Source::kHeader, .name = "x-tenant"};
  EXPECT_EQ(HashOf(key, head, "10.0.0.9"), std::nullopt);
  head.headers.Add({.name = "x-tenant", .value = "ours"});
  EXPECT_EQ(HashOf(key, head, "10.0.0.9"), HashBytes("ours"));
}

struct CookieCase {
  const char* name;
  std::vector<Field> fields;
  std::optional<std::string_view> value;
};

class CookieTest : public testing::TestWithParam<CookieCase> {};

INSTANTIATE_TEST_SUITE_P(
    Cookies, CookieTest,
    testing::Values(
        CookieCase{"Alone", {{"Cookie", "sid=abc"}}, "abc"},
        CookieCase{"First", {{"Cookie", "sid=abc; lang=de"}}, "abc"},
        CookieCase{"Last", {{"Cookie", "lang=de; sid=abc"}}, "abc"},
        CookieCase{"InTheMiddle", {{"Cookie", "lang=de; sid=abc; a=b"}}, "abc"},
        CookieCase{"NoSpace", {{"Cookie", "lang=de;sid=abc;a=b"}}, "abc"},
        CookieCase{"MuchSpace", {{"Cookie", "lang=de;\t  sid \t=\t abc  ; a=b"}}, "abc"},
        CookieCase{"EqualsInTheValue", {{"Cookie", "sid=YWJj=="}}, "YWJj=="},
        CookieCase{"QuotesBelongToTheValue", {{"Cookie", "sid=\"abc\""}}, "\"abc\""},
        CookieCase{"FirstOfTwo", {{"Cookie", "sid=one; sid=two"}}, "one"},
        CookieCase{"EmptyThenGiven", {{"Cookie", "sid=; sid=two"}}, "two"},
        CookieCase{"SeveralFields", {{"cookie", "a=b"}, {"COOKIE", "sid=abc"}}, "abc"},
        CookieCase{"FirstField", {{"cookie", "sid=one"}, {"cookie", "sid=two"}}, "one"},
        CookieCase{"BeyondAPairWithoutEquals", {{"Cookie", "sid; x; sid=abc"}}, "abc"},
        CookieCase{"Absent", {{"Cookie", "lang=de"}}, std::nullopt},
        CookieCase{"NoField", {{"Accept", "sid=abc"}}, std::nullopt},
        CookieCase{"EmptyField", {{"Cookie", ""}}, std::nullopt},
        CookieCase{"Empty", {{"Cookie", "sid="}}, std::nullopt},
        CookieCase{"OnlyTheName", {{"Cookie", "sid"}}, std::nullopt},
        CookieCase{"NamesAreExact", {{"Cookie", "SID=abc; xsid=a; sidx=b"}}, std::nullopt},
        CookieCase{"ANameInAValue", {{"Cookie", "x=sid=abc"}}, std::nullopt},
        CookieCase{"OnlySemicolons", {{"Cookie", ";;; ;"}}, std::nullopt}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_P(CookieTest, IsFoundOrNot) {
  const CookieCase& expected = GetParam();
  std::optional<uint64_t> hash;
  if (expected.value.has_value()) hash = HashBytes(*expected.value);
  EXPECT_EQ(CookieHash(expected.fields), hash);
}

TEST(HashKeyTest, AllocatesNothing) {
  const http::RequestHead head =
      Head({{"X-Tenant", "a tenant with quite a long name, beyond any small string"},
            {"Cookie", "lang=de; sid=a session with quite a long name, beyond any small string"}});
  const config::HashKey header = {.source = Source::kHeader, .name = "x-tenant"};
  const config::HashKey cookie = {.source = Source::kCookie, .name = "sid"};
  const config::HashKey path = {.source = Source::kPath};
  const config::HashKey address;
  const uint64_t before = support::AllocationCount();
  bool all = true;
  for (const config::HashKey* key : {&header, &cookie, &path, &address}) {
    all = HashOf(*key, head, "2001:db8:1111:2222:3333:4444:5555:6666").has_value() && all;
  }
  EXPECT_EQ(support::AllocationCount(), before);
  EXPECT_TRUE(all);
}

}  // namespace
}  // namespace holdfast::proxy
