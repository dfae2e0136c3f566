#include "gateway/policy/field_template.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace holdfast::policy {
namespace {

std::string Filled(std::string_view text, const TemplateFacts& facts = {}) {
  const absl::StatusOr<FieldTemplate> made = FieldTemplate::Parse(text);
  EXPECT_TRUE(made.ok()) << made.status();
  std::string out;
  if (made.ok()) made->AppendTo(facts, &out);
  return out;
}

std::string ErrorOf(std::string_view text) {
  return std::string(FieldTemplate::Parse(text).status().message());
}

TEST(FieldTemplateTest, ATextWithoutVariablesIsItself) {
  for (const std::string_view text : {"", "plain", "$", "$x {y}", "a}b", "100$"}) {
    EXPECT_EQ(Filled(text), text);
    EXPECT_TRUE(FieldTemplate::Parse(text)->constant()) << text;
  }
}

TEST(FieldTemplateTest, VariablesAreFilledIn) {
  http::HeaderList headers;
  headers.Add({.name = "X-Tenant", .value = "blue"});
  headers.Add({.name = "X-Tenant", .value = "red"});
  const TemplateFacts facts{.client_ip = "192.0.2.7",
                            .client_port = 4711,
                            .host = "a.test",
                            .path = "/x",
                            .route = "all",
                            .upstream = "web",
                            .scheme = "https",
                            .tls_sni = "sni.test",
                            .request_id = "id-1",
                            .headers = &headers};
  EXPECT_EQ(Filled("${client_ip}:${client_port}", facts), "192.0.2.7:4711");
  EXPECT_EQ(Filled("${scheme}://${host}${path}", facts), "https://a.test/x");
  EXPECT_EQ(Filled("<${route}|${upstream}|${tls_sni}>", facts), "<all|web|sni.test>");
  EXPECT_EQ(Filled("${request_id}", facts), "id-1");
  EXPECT_EQ(Filled("${header:x-tenant}", facts), "blue") << "the first";
  EXPECT_FALSE(FieldTemplate::Parse("${host}")->constant());
  EXPECT_TRUE(FieldTemplate::Parse("a${client_port}")->Uses(Variable::kClientPort));
  EXPECT_FALSE(FieldTemplate::Parse("${header:client_port}")->Uses(Variable::kClientPort));
}

TEST(FieldTemplateTest, WhatIsNotKnownIsEmpty) {
  EXPECT_EQ(Filled("<${client_ip}${client_port}${tls_sni}${header:none}>"), "<>");
}

TEST(FieldTemplateTest, AFieldThatIsNotPassedOnIsNotThere) {
  http::HeaderList headers;
  headers.Add({.name = "Client-Cert", .value = "forged", .dropped = true});
  EXPECT_EQ(Filled("<${header:client-cert}>", {.headers = &headers}), "<>");
}

TEST(FieldTemplateTest, ADollarSignCanBeMeant) {
  EXPECT_EQ(Filled("$${host}"), "${host}");
  EXPECT_EQ(Filled("a$${b${route}", {.route = "r"}), "a${br");
}

TEST(FieldTemplateTest, NamesOfTheEnvironmentAreTexts) {
  EXPECT_EQ(Filled("<${HOME}>${A_1:-x y}", {}), "<${HOME}>${A_1:-x y}");
  EXPECT_TRUE(FieldTemplate::Parse("${HOME}")->constant());
  for (const std::string_view name : {"A", "HOME", "A_1"}) EXPECT_TRUE(IsEnvironmentName(name));
  for (const std::string_view name : {"", "1A", "_A", "a", "Aa", "A-B"}) {
    EXPECT_FALSE(IsEnvironmentName(name)) << name;
  }
}

TEST(FieldTemplateTest, AnyTextCanBeMeantLiterally) {
  for (const std::string text : {"", "a", "$", "${", "$${", "${host}", "a$$${b}${", "{$}"}) {
    const auto made = FieldTemplate::Parse(LiteralTemplate(text));
    ASSERT_TRUE(made.ok()) << text;
    EXPECT_TRUE(made->constant()) << text;
    EXPECT_EQ(made->text(), text);
  }
}

TEST(FieldTemplateTest, ErrorsSayWhatWasExpected) {
  EXPECT_EQ(ErrorOf("${nobody}"),
            "${nobody} is not known; expected one of ${client_ip}, ${client_port}, ${host}, "
            "${path}, ${route}, ${upstream}, ${scheme}, ${tls_sni}, ${request_id}, ${header:NAME}");
  EXPECT_EQ(ErrorOf("a${host"), "'${' has no '}'; expected $${ for the characters as such");
  for (const std::string_view bad : {"${}", "${header:}", "${header:a b}", "${Host}", "${ host}"}) {
    EXPECT_NE(ErrorOf(bad), "") << bad;
  }
}

// What a client of TLS says there is not checked by anybody else.
TEST(FieldTemplateTest, AServerNameBringsNoLine) {
  for (const std::string_view name : {"a\nb", "a\r\nx: y", "a\tb", "a b", "\x7f", "\xC3\xA9"}) {
    const TemplateFacts facts{.tls_sni = name};
    EXPECT_EQ(Filled("<${tls_sni}>", facts), "<>") << name;
  }
}

}  // namespace
}  // namespace holdfast::policy
