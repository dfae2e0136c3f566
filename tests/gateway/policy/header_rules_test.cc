#include "gateway/policy/header_rules.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace holdfast::policy {
namespace {

http::HeaderList Fields(std::initializer_list<std::pair<std::string_view, std::string_view>> list) {
  http::HeaderList fields;
  for (const auto& [name, value] : list) {
    fields.Add({.name = name, .value = value, .id = http::IdentifyField(name)});
  }
  return fields;
}

std::string Lines(const http::HeaderList& fields) {
  std::string lines;
  for (const http::HeaderField& field : fields.fields()) {
    if (field.dropped) continue;
    lines += std::string(field.name) + ": " + std::string(field.value) + "\n";
  }
  return lines;
}

// What is left, as lines.
std::string Applied(const HeaderRules& rules, http::HeaderList fields,
                    const TemplateFacts& facts = {}) {
  std::string made = "of the request before";
  const HeaderEdits edits(rules);
  http::HeaderList same = fields;
  edits.Apply(facts, &fields, &made);
  if (edits.constant()) {
    edits.ApplyConstant(&same);
    EXPECT_EQ(Lines(same), Lines(fields));
  }
  return Lines(fields);
}

TEST(HeaderEditsTest, AVariableMakesThemVary) {
  EXPECT_TRUE(HeaderEdits({.set = {{"a", "x"}}, .remove = {"b"}}).constant());
  EXPECT_FALSE(HeaderEdits({.set = {{"a", "x"}}, .add = {{"b", "${host}"}}}).constant());
}

TEST(HeaderEditsTest, FieldsAreSetAddedAndRemoved) {
  const auto fields = Fields({{"A", "1"}, {"B", "2"}, {"b", "3"}, {"C", "4"}});
  EXPECT_EQ(Applied({.remove = {"B"}}, fields), "A: 1\nC: 4\n");
  EXPECT_EQ(Applied({.set = {{"b", "x"}, {"d", "y"}}}, fields), "A: 1\nC: 4\nb: x\nd: y\n");
  EXPECT_EQ(Applied({.add = {{"B", "x"}}}, fields), "A: 1\nB: 2\nb: 3\nC: 4\nB: x\n");
  EXPECT_EQ(Applied({.set_if_missing = {{"a", "x"}, {"d", "y"}}}, fields),
            "A: 1\nB: 2\nb: 3\nC: 4\nd: y\n");
}

TEST(HeaderEditsTest, NothingToDoIsNothing) {
  EXPECT_TRUE(HeaderEdits().empty());
  EXPECT_TRUE(HeaderEdits(HeaderRules()).empty());
  EXPECT_FALSE(HeaderEdits({.remove = {"a"}}).empty());
}

// What a reader behind may take for the name is the name.
TEST(HeaderEditsTest, NoSpellingGetsPast) {
  const auto fields = Fields({{"X-Secret", "1"}, {"x_secret", "2"}, {"X.SECRET", "3"}});
  EXPECT_EQ(Applied({.remove = {"x-secret"}}, fields), "");
  EXPECT_EQ(Applied({.set = {{"X-Secret", "ours"}}}, fields), "X-Secret: ours\n");
  EXPECT_EQ(Applied({.set_if_missing = {{"x-secret", "ours"}}}, Fields({{"x_secret", "2"}})),
            "x_secret: 2\n");
}

TEST(HeaderEditsTest, ADroppedFieldIsMissing) {
  http::HeaderList fields = Fields({{"A", "1"}});
  fields.fields()[0].dropped = true;
  EXPECT_EQ(Applied({.set_if_missing = {{"a", "x"}}}, fields), "a: x\n");
}

TEST(HeaderEditsTest, ValuesMayBeOfFieldsThatAreRemoved) {
  http::HeaderList fields = Fields({{"Old", "1"}, {"Other", "2"}});
  const TemplateFacts facts{.host = "a.test", .headers = &fields};
  EXPECT_EQ(Applied({.set = {{"new", "${header:old}@${host}"}, {"plain", "p"}, {"x", "${host}"}},
                     .remove = {"old"}},
                    fields, facts),
            "Other: 2\nnew: 1@a.test\nplain: p\nx: a.test\n");
}

TEST(HeaderEditsTest, NoValueBeginsOrEndsWithABlank) {
  const auto fields = Fields({{"Token", "t"}});
  const TemplateFacts facts{.headers = &fields};
  EXPECT_EQ(Applied({.set = {{"a", "Bearer ${header:token}"},
                             {"b", "Bearer ${header:none}"},
                             {"c", "${header:none} \t x"},
                             {"d", "${header:none} ${header:none}"}}},
                    {}, facts),
            "a: Bearer t\nb: Bearer\nc: x\nd: \n");
}

TEST(HeaderEditsTest, TellsWhatItNeeds) {
  EXPECT_TRUE(HeaderEdits({.add = {{"a", "${client_port}"}}}).Uses(Variable::kClientPort));
  EXPECT_FALSE(HeaderEdits({.add = {{"a", "${host}"}}}).Uses(Variable::kClientPort));
}

TEST(HeaderEditsTest, FramingAndTheGatewaysWordAreNobodysToChange) {
  for (const std::string_view name : {"Content-Length",
                                      "content_length",
                                      "Transfer-Encoding",
                                      "Connection",
                                      "Keep-Alive",
                                      "TE",
                                      "Trailer",
                                      "Upgrade",
                                      "Host",
                                      "Expect",
                                      "Via",
                                      "Forwarded",
                                      "X-Forwarded-For",
                                      "x_forwarded_for",
                                      "X-Forwarded-Anything",
                                      "Date",
                                      "Proxy-Connection",
                                      "Client-Cert",
                                      "HTTP2-Settings",
                                      "Max-Forwards"}) {
    EXPECT_FALSE(MayBeChanged(name)) << name;
  }
  for (const std::string_view name : {"X-Request-Id", "Authorization", "Cookie", "Server",
                                      "Content-Type", "Strict-Transport-Security", "Set-Cookie"}) {
    EXPECT_TRUE(MayBeChanged(name)) << name;
  }
}

}  // namespace
}  // namespace holdfast::policy
