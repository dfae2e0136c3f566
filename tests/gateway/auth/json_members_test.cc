#include "gateway/auth/json_members.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::auth {
namespace {

using Kind = JsonMember::Kind;

TEST(JsonMembersTest, ValuesAreOfTheirKinds) {
  const auto members = JsonMembers::Parse(
      R"( {"t": "a\u0041", "i": -7, "u": 18446744073709551615, "f": 1.50, "b": true, "c": false,
           "l": ["x", "", "y"], "e": [], "n": null, "o": {"t": 1}, "m": ["x", 1], "d": [["x"]],
           "p": [{"x": "y"}, "z"]} )");
  ASSERT_TRUE(members.has_value());
  EXPECT_EQ(members->size(), 13u);
  EXPECT_EQ(members->Find("t")->text, "aA");
  EXPECT_EQ(members->Find("i")->text, "-7");
  EXPECT_EQ(members->Find("i")->number, -7);
  EXPECT_EQ(members->Find("u")->text, "18446744073709551615");
  EXPECT_EQ(members->Find("f")->text, "1.50");
  EXPECT_EQ(members->Find("f")->kind, Kind::kNumber);
  EXPECT_EQ(members->Find("b")->text, "true");
  EXPECT_EQ(members->Find("c")->kind, Kind::kBoolean);
  EXPECT_EQ(members->Find("l")->kind, Kind::kTexts);
  EXPECT_EQ(members->Find("l")->texts, (std::vector<std::string>{"x", "", "y"}));
  EXPECT_EQ(members->Find("e")->kind, Kind::kTexts);
  for (const char* name : {"n", "o", "m", "d", "p"}) {
    EXPECT_EQ(members->Find(name)->kind, Kind::kOther) << name;
  }
  EXPECT_EQ(members->Find("x"), nullptr);
  EXPECT_EQ(members->Find("T"), nullptr);
}

TEST(JsonMembersTest, AnythingElseThanOneObjectIsNone) {
  for (const char* text : {"",
                           " ",
                           "null",
                           "1",
                           "\"a\"",
                           "true",
                           "[]",
                           "[{}]",
                           "{",
                           "}",
                           "{}{}",
                           "{} x",
                           "{},",
                           "{a:1}",
                           "{'a':1}",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{\"a\":01}",
                           "{\"a\":NaN}",
                           "{\"a\":1e999}",
                           "{\"a\":\"\n\"}",
                           "{\"a\":\"\xff\"}",
                           "{\"a\":\"\\ud800\"}",
                           "{/**/}",
                           "{\"a\":[1,]}"}) {
    EXPECT_FALSE(JsonMembers::Parse(text).has_value()) << text;
  }
  EXPECT_FALSE(JsonMembers::Parse(std::string_view("{}\0", 3)).has_value());
  EXPECT_TRUE(JsonMembers::Parse("{}").has_value());
}

// Another reader may take the first, or the last.
TEST(JsonMembersTest, ANameThatComesTwiceMakesItNone) {
  EXPECT_FALSE(JsonMembers::Parse(R"({"a":1,"a":1})").has_value());
  EXPECT_FALSE(JsonMembers::Parse(R"({"a":1,"b":{},"\u0061":2})").has_value());
  EXPECT_TRUE(JsonMembers::Parse(R"({"a":1,"A":2,"o":{"a":1,"a":2}})").has_value());
}

TEST(JsonMembersTest, DepthAndNumberAreBounded) {
  const auto nested = [](size_t depth, char open, char close) {
    return "{\"a\":" + std::string(depth, open) + std::string(depth, close) + "}";
  };
  EXPECT_TRUE(JsonMembers::Parse(nested(JsonMembers::kMaxDepth - 1, '[', ']')).has_value());
  EXPECT_FALSE(JsonMembers::Parse(nested(JsonMembers::kMaxDepth, '[', ']')).has_value());
  EXPECT_FALSE(JsonMembers::Parse(nested(100'000, '[', ']')).has_value());
  EXPECT_FALSE(JsonMembers::Parse(std::string(100'000, '[')).has_value());
  const auto with = [](size_t members, size_t items) {
    std::string text = "{";
    for (size_t i = 1; i < members; ++i) text += "\"" + std::to_string(i) + "\":0,";
    text += "\"l\":[";
    for (size_t i = 0; i < items; ++i) text += i == 0 ? "\"\"" : ",\"\"";
    return text + "]}";
  };
  EXPECT_TRUE(JsonMembers::Parse(with(JsonMembers::kMaxMembers, 0)).has_value());
  EXPECT_FALSE(JsonMembers::Parse(with(JsonMembers::kMaxMembers + 1, 0)).has_value());
  EXPECT_TRUE(JsonMembers::Parse(with(1, JsonMembers::kMaxParts - 1)).has_value());
  EXPECT_FALSE(JsonMembers::Parse(with(1, JsonMembers::kMaxParts)).has_value());
}

}  // namespace
}  // namespace holdfast::auth
