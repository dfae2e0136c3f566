#include "gateway/auth/basic_credentials.h"

#include <string.h>

#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>

#include <absl/strings/escaping.h>
#include <gtest/gtest.h>

namespace holdfast::auth {
namespace {

std::string Basic(std::string_view text) {
  return "Basic " + absl::Base64Escape(absl::string_view(text.data(), text.size()));
}

// "USER|PASSWORD", or "-" for what is refused.
std::string ReadOf(std::string_view value) {
  BasicCredentials credentials;
  if (!credentials.Read(value)) return "-";
  return std::string(credentials.user()).append("|").append(credentials.password());
}

TEST(BasicCredentialsTest, WhatClientsSend) {
  const struct {
    std::string value;
    std::string_view read;
  } cases[] = {
      {"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin|open sesame"},  // RFC 7617 section 2
      {"Basic dGVzdDoxMjPCow==", "test|123\xc2\xa3"},                 // section 2.1
      {"basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin|open sesame"},
      {"BASIC QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin|open sesame"},
      {"bAsIc QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin|open sesame"},
      {"Basic    QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin|open sesame"},
      {"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ", "Aladdin|open sesame"},
      {Basic("a:"), "a|"},
      {Basic("a::"), "a|:"},
      {Basic("a:b:c"), "a|b:c"},
      {Basic("a::b"), "a|:b"},
      {Basic("a b: c "), "a b| c "},
      {Basic("\xe4:\xf6\xff\x80"), "\xe4|\xf6\xff\x80"},
  };
  for (const auto& [value, read] : cases) EXPECT_EQ(ReadOf(value), read) << value;
}

TEST(BasicCredentialsTest, WhatIsNoNameAndPassword) {
  const std::string cases[] = {
      "",
      "B",
      "Basic",
      "Basic ",
      "Basic    ",
      "Basi QTpi",
      "Basic:QTpi",
      "BasicQTpi",
      "Basic\tQTpi",
      "Basic \tQTpi",
      " Basic QTpi",
      "Basic  =",
      "Basic ====",
      "Basic,QTpi",
      "Bearer QTpi",
      "Digest username=\"a\"",
      "Basics QTpi",
      "B\xc0sic QTpi",
      "Basic QTpi ",             // a blank behind it
      "Basic QTpi\t",            // another one
      "Basic QTpi, Basic QTpi",  // two of them
      "Basic QTpi,",
      "Basic QTpi;x",
      "Basic QT pi",
      "Basic \"QTpi\"",
      "Basic QTpi=",     // a padding too many
      "Basic QTo===",    // the same
      "Basic QTo=QTpi",  // a padding inside
      "Basic QTpiYz=",   // half a padding
      "Basic QTpiY",     // a letter that is no byte
      "Basic QTpiYx==",  // bits that are left over
      "Basic QTpiYx",    // the same without padding
      "Basic QTpiY2-_",  // another alphabet
      "Basic QTpi....",  // what some take for padding
      "Basic QTpi%3D",   // escaped
      "Basic QTpi\xc3\xa4",
      "Basic a:b",  // in clear
      Basic(""),
      Basic("nocolon"),
      Basic(":"),  // nobody
      Basic(":password"),
      Basic(std::string_view("a\0:b", 4)),
      Basic(std::string_view("a:b\0", 4)),
      Basic(std::string_view("a:\0b", 4)),
      Basic(std::string_view("\0a:b", 4)),
      Basic("a\r\nX: y:b"),
      Basic("a:b\n"),
      Basic("a\t:b"),
      Basic("a:\x1b[m"),
      Basic("a:\x7f"),
      std::string("Basic QTpi\0", 11),
      std::string("Basic\0QTpi", 10),
  };
  for (const std::string& value : cases) EXPECT_EQ(ReadOf(value), "-") << value;
}

TEST(BasicCredentialsTest, NoLongerThanItsBound) {
  const std::string password(760, 'p');
  const std::string encoded = absl::Base64Escape("u:" + password);
  const std::string longest = "Basic   " + encoded;
  ASSERT_EQ(longest.size(), BasicCredentials::kMaxBytes);
  EXPECT_EQ(ReadOf(longest), "u|" + password);
  EXPECT_EQ(ReadOf("Basic    " + encoded), "-");
  EXPECT_EQ(ReadOf("Basic " + std::string(100'000, 'A')), "-");
  EXPECT_EQ(ReadOf("Basic" + std::string(100'000, ' ')), "-");
}

TEST(BasicCredentialsTest, MayBeReadAgain) {
  BasicCredentials credentials;
  ASSERT_TRUE(credentials.Read(Basic("longer name:and password")));
  ASSERT_TRUE(credentials.Read(Basic("a:b")));
  EXPECT_EQ(credentials.user(), "a");
  EXPECT_EQ(credentials.password(), "b");
}

TEST(BasicCredentialsTest, NothingIsLeftBehind) {
  alignas(BasicCredentials) std::byte place[sizeof(BasicCredentials)] = {};
  const auto has = [&place](std::string_view text) {
    return memmem(place, sizeof(place), text.data(), text.size()) != nullptr;
  };
  auto* const credentials = new (place) BasicCredentials;
  ASSERT_TRUE(credentials->Read("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
  EXPECT_TRUE(has("open sesame"));
  std::destroy_at(credentials);
  EXPECT_FALSE(has("sesame"));
  EXPECT_FALSE(has("Aladdin"));
}

TEST(AuthorizationOfTest, OneFieldOrNothing) {
  http::HeaderList fields;
  EXPECT_EQ(AuthorizationOf(fields), std::nullopt);
  fields.Add({.name = "Host", .value = "a.test", .id = http::FieldId::kHost});
  fields.Add({.name = "authorization", .value = "Basic x", .id = http::FieldId::kAuthorization});
  fields.Add({.name = "Accept", .value = "*/*"});
  EXPECT_EQ(AuthorizationOf(fields), "Basic x");
  fields.Add({.name = "Authorization",
              .value = "Basic x",
              .id = http::FieldId::kAuthorization,
              .dropped = true});
  EXPECT_EQ(AuthorizationOf(fields), std::nullopt);
}

}  // namespace
}  // namespace holdfast::auth
