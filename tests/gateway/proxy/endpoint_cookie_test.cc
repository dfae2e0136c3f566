#include "gateway/proxy/endpoint_cookie.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace holdfast::proxy {
namespace {

using config::StickyCookie;
using pool::SocketAddress;

constexpr pool::KeyedDigest::Key kKey = {1, 2, 3};
const SocketAddress& Address() {
  static const SocketAddress& address = *new SocketAddress(*SocketAddress::Parse("10.0.0.7:80"));
  return address;
}

std::string SetCookie(const EndpointCookie& cookie, const SocketAddress& endpoint,
                      bool encrypted = false) {
  std::string value = "what was there before";
  cookie.WriteSetCookie(endpoint, encrypted, &value);
  return value;
}

// What a browser sends after that.
std::string Returned(const std::string& set_cookie) {
  return set_cookie.substr(0, set_cookie.find(';'));
}

std::optional<SocketAddress> Read(const EndpointCookie& cookie, std::string_view sent) {
  http::HeaderList fields;
  fields.Add({.name = "Cookie", .value = sent, .id = http::FieldId::kCookie});
  return cookie.EndpointOf(fields);
}

TEST(EndpointCookieTest, LeadsBackToTheEndpoint) {
  const EndpointCookie cookie("web", {.name = "b"}, kKey);
  const std::string longest = "unix:@" + std::string(106, 'x');
  for (const std::string_view text :
       {std::string_view("10.0.0.7:80"), std::string_view("[2001:db8::7]:65535"),
        std::string_view("unix:/run/web.sock"), std::string_view(longest)}) {
    const std::optional<SocketAddress> endpoint = SocketAddress::Parse(text);
    ASSERT_TRUE(endpoint.has_value()) << text;
    const std::string sent = Returned(SetCookie(cookie, *endpoint));
    EXPECT_EQ(Read(cookie, "a=1; " + sent + "; c=2"), endpoint) << text;
    EXPECT_EQ(sent.find(text), sent.npos);
  }
}

TEST(EndpointCookieTest, TellsNothingButWhoSharesAnEndpoint) {
  const EndpointCookie cookie("web", {}, kKey);
  const std::string one = SetCookie(cookie, Address());
  const std::string other = SetCookie(cookie, *SocketAddress::Parse("10.0.0.8:8080"));
  EXPECT_EQ(one, SetCookie(cookie, Address()));
  EXPECT_NE(one, other);
  EXPECT_EQ(one.size(), other.size()) << "however long their addresses are";
  EXPECT_NE(one.substr(9, 8), other.substr(9, 8));
}

TEST(EndpointCookieTest, NobodyElsesValueLeadsAnywhere) {
  const EndpointCookie cookie("web", {}, kKey);
  const std::string good = Returned(SetCookie(cookie, Address()));
  ASSERT_TRUE(Read(cookie, good).has_value());
  const EndpointCookie of_another_upstream("api", {}, kKey);
  EXPECT_EQ(Read(of_another_upstream, good), std::nullopt);
  const EndpointCookie of_another_key("web", {}, {9});
  EXPECT_EQ(Read(of_another_key, good), std::nullopt);
  for (size_t i = sizeof("holdfast=") - 1; i < good.size(); ++i) {
    std::string wrong = good;
    wrong[i] = wrong[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(Read(cookie, wrong), std::nullopt) << i;
  }
  for (const std::string& wrong :
       {std::string("holdfast="), std::string("holdfast=10.0.0.7:80"), std::string("holdfast=AAAA"),
        "holdfast=" + std::string(64, 'A'), "holdfast=" + std::string(192, 'A'),
        "holdfast=" + std::string(8000, 'A'), std::string("holdfast=\xff\x80\x01"),
        std::string("holdfast====="), "Holdfast=" + good.substr(9), good + good.substr(9),
        good.substr(0, good.size() - 1)}) {
    EXPECT_EQ(Read(cookie, wrong), std::nullopt) << wrong;
  }
  EXPECT_EQ(cookie.EndpointOf(http::HeaderList()), std::nullopt);
}

TEST(EndpointCookieTest, AKeyOfTheFileIsTheSameInEveryProcess) {
  const StickyCookie options = {.key = "0123456789abcdef0123456789abcdef"};
  const EndpointCookie here("web", options, {1});
  const EndpointCookie there("web", options, {2});
  EXPECT_EQ(Read(there, Returned(SetCookie(here, Address()))), Address());
  const EndpointCookie other("web", {.key = "0123456789abcdef0123456789abcdeF"}, {1});
  EXPECT_EQ(Read(other, Returned(SetCookie(here, Address()))), std::nullopt);
}

TEST(EndpointCookieTest, HasTheAttributesThatWereAskedFor) {
  const auto attributes = [](const StickyCookie& options, bool encrypted) {
    const std::string value = SetCookie(EndpointCookie("web", options, kKey), Address(), encrypted);
    return value.substr(value.find(';'));
  };
  using Secure = StickyCookie::Secure;
  using SameSite = StickyCookie::SameSite;
  EXPECT_EQ(attributes({}, false), "; Path=/; HttpOnly; SameSite=Lax");
  EXPECT_EQ(attributes({}, true), "; Path=/; Secure; HttpOnly; SameSite=Lax");
  EXPECT_EQ(attributes({.ttl = std::chrono::hours(1), .secure = Secure::kAlways}, false),
            "; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax");
  EXPECT_EQ(attributes({.secure = Secure::kNever, .same_site = SameSite::kStrict}, true),
            "; Path=/; HttpOnly; SameSite=Strict");
  EXPECT_EQ(attributes({.http_only = false, .same_site = SameSite::kNone}, true),
            "; Path=/; Secure; SameSite=None");
  EXPECT_EQ(attributes({.http_only = false, .same_site = SameSite::kOff}, false), "; Path=/");
}

}  // namespace
}  // namespace holdfast::proxy
