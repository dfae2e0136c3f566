#include "gateway/policy/pattern.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::policy {
namespace {

Pattern P(std::string_view text) {
  absl::StatusOr<Pattern> pattern = Pattern::Parse(text);
  EXPECT_TRUE(pattern.ok()) << text << ": " << pattern.status();
  return pattern.ok() ? *pattern : Pattern();
}

std::string Replaced(std::string_view pattern, std::string_view text, const std::string& to) {
  std::string out;
  return P(pattern).Replace(text, to, &out) ? out : "no match";
}

TEST(PatternTest, IsOfTheWholeText) {
  EXPECT_TRUE(P("/users/[0-9]+").Matches("/users/42"));
  EXPECT_FALSE(P("/users/[0-9]+").Matches("/users/42/x"));
  EXPECT_FALSE(P("/users/[0-9]+").Matches("/a/users/42"));
  EXPECT_FALSE(P("a|ab").Matches("abc"));
  EXPECT_TRUE(P("a|ab").Matches("ab")) << "an alternative is of the whole as well";
  EXPECT_FALSE(P("a$").Matches("a\n")) << "no line ends early";
  EXPECT_FALSE(P(".*").Matches("a\nb"));
}

TEST(PatternTest, ComparesBytes) {
  EXPECT_TRUE(P("...").Matches("a\xC3\xA9"));
  EXPECT_TRUE(P("\xC3\xA9").Matches("\xC3\xA9"));
  EXPECT_TRUE(P(".").Matches("\xFF")) << "what is no UTF-8 is text as well";
  EXPECT_FALSE(P("abc").Matches(std::string_view("abc\0", 4)));
}

TEST(PatternTest, SaysWhatIsWrong) {
  EXPECT_EQ(Pattern::Parse("").status().message(), "it is empty");
  EXPECT_EQ(Pattern::Parse("/a(b").status().message(), "missing ): /a(b");
  EXPECT_EQ(Pattern::Parse("(?=a)").status().message(), "invalid perl operator: (?=");
  EXPECT_EQ(Pattern::Parse("(a)\\1").status().message(), "invalid escape sequence: \\1");
  EXPECT_EQ(Pattern::Parse(std::string(1025, 'a')).status().message(),
            "it is longer than 1024 bytes");
}

TEST(PatternTest, OneThatWouldNeedMuchMemoryIsRefused) {
  EXPECT_FALSE(Pattern::Parse("((a{1,100}){1,100}){1,100}").ok());
}

// What makes engines that go back take years.
TEST(PatternTest, TakesTimeByTheTextAlone) {
  const Pattern pattern = P("(a*)*b|(a|aa)+c");
  EXPECT_FALSE(pattern.Matches(std::string(8192, 'a')));
}

TEST(PatternTest, GroupsGoIntoTheReplacement) {
  EXPECT_EQ(Replaced("/users/([0-9]+)", "/users/42", "/u/\\1"), "/u/42");
  EXPECT_EQ(Replaced("/(a+)/(b+)", "/aa/b", "/\\2/\\1/\\0"), "/b/aa//aa/b");
  EXPECT_EQ(Replaced("/(x)?y", "/y", "/[\\1]"), "/[]");
  EXPECT_EQ(Replaced("/a", "/a/b", "/c"), "no match");
  EXPECT_EQ(Replaced("/a", "/a", "/\\\\"), "/\\");
}

TEST(PatternTest, ChecksReplacements) {
  EXPECT_TRUE(P("/(a)").CheckReplacement("/\\1").ok());
  EXPECT_FALSE(P("/(a)").CheckReplacement("/\\2").ok());
  EXPECT_FALSE(P("/(a)").CheckReplacement("/\\x").ok());
  EXPECT_FALSE(P("/(a)").CheckReplacement("/\\").ok());
}

TEST(PatternTest, EqualTextsAreEqualPatterns) {
  EXPECT_EQ(P("a"), P("a"));
  EXPECT_FALSE(P("a") == P("b"));
  EXPECT_TRUE(Pattern().empty());
  EXPECT_FALSE(P("a").empty());
}

std::vector<int> FoundIn(const PatternSet& set, std::string_view text) {
  std::vector<int> places = {-1};
  EXPECT_TRUE(set.FindAll(text, &places));
  return places;
}

TEST(PatternSetTest, TellsAllThatMatchInTheirOrder) {
  const std::vector<Pattern> patterns = {P("/a.*"), P("/b"), P("/a/b"), P(".*")};
  std::vector<const Pattern*> pointers;
  for (const Pattern& pattern : patterns) pointers.push_back(&pattern);
  const PatternSet set(pointers);
  EXPECT_EQ(FoundIn(set, "/a/b"), (std::vector<int>{0, 2, 3}));
  EXPECT_EQ(FoundIn(set, "/b"), (std::vector<int>{1, 3}));
  EXPECT_EQ(FoundIn(set, "c"), (std::vector<int>{3}));
  EXPECT_TRUE(FoundIn(set, "a\nb").empty());
}

TEST(PatternSetTest, AgreesWithEachPatternByItself) {
  const std::vector<Pattern> patterns = {P("a|ab"), P("(a|b)*"), P("b+"), P("[^a]"), P("ab?")};
  std::vector<const Pattern*> pointers;
  for (const Pattern& pattern : patterns) pointers.push_back(&pattern);
  const PatternSet set(pointers);
  for (const std::string_view text : {"", "a", "b", "ab", "ba", "abb", "c", "cc"}) {
    std::vector<int> expected;
    for (size_t i = 0; i < patterns.size(); ++i) {
      if (patterns[i].Matches(text)) expected.push_back(static_cast<int>(i));
    }
    EXPECT_EQ(FoundIn(set, text), expected) << text;
  }
}

}  // namespace
}  // namespace holdfast::policy
