#include "gateway/config/yaml_node.h"

#include <string>

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

using Kind = YamlNode::Kind;

YamlNode Parse(std::string_view text) {
  Report report(text, "f.yaml");
  std::optional<YamlNode> root = ParseYaml(text, &report);
  EXPECT_EQ(FormatDiagnostics(report.Take()), "") << text;
  return root ? *std::move(root) : YamlNode{};
}

std::string Complaint(std::string_view text) {
  Report report(text, "f.yaml");
  EXPECT_EQ(ParseYaml(text, &report), std::nullopt) << text;
  return FormatDiagnostics(report.Take());
}

TEST(ParseYamlTest, BuildsATreeWithPlaces) {
  const YamlNode root = Parse(
      "first: one\n"
      "list:\n"
      "  - a\n"
      "  - {b: 2, c: 'three'}\n"
      "last:\n"
      "  deep: \"x\"\n");
  ASSERT_TRUE(root.is_mapping());
  ASSERT_EQ(root.entries.size(), 3u);
  EXPECT_EQ(root.entries[1].key.text, "list");
  EXPECT_EQ(root.entries[1].key.position, (Position{2, 1}));
  EXPECT_EQ(root.Find("first")->text, "one");
  EXPECT_EQ(root.Find("first")->position, (Position{1, 8}));
  const YamlNode& list = *root.Find("list");
  ASSERT_TRUE(list.is_sequence());
  ASSERT_EQ(list.items.size(), 2u);
  EXPECT_EQ(list.items[0].position, (Position{3, 5}));
  EXPECT_EQ(list.items[1].position, (Position{4, 5}));
  EXPECT_EQ(list.items[1].Find("c")->text, "three");
  EXPECT_EQ(root.Find("last")->Find("deep")->text, "x");
  EXPECT_EQ(root.Find("none"), nullptr);
  EXPECT_EQ(list.Find("b"), nullptr);
}

TEST(ParseYamlTest, AQuotedScalarBeginsAtItsQuote) {
  const YamlNode root = Parse("a: \"x\"\nb: 'y'\n\"c\": z\n");
  EXPECT_EQ(root.Find("a")->position, (Position{1, 4}));
  EXPECT_EQ(root.Find("b")->position, (Position{2, 4}));
  EXPECT_EQ(root.entries[2].key.position, (Position{3, 1}));
}

TEST(ParseYamlTest, OnlyPlainEmptyAndNullAreNull) {
  const YamlNode root = Parse("a:\nb: ~\nc: null\nd: \"\"\ne: 'null'\n");
  EXPECT_EQ(root.Find("a")->kind, Kind::kNull);
  EXPECT_EQ(root.Find("a")->position, (Position{1, 1}));
  EXPECT_EQ(root.Find("b")->kind, Kind::kNull);
  EXPECT_EQ(root.Find("c")->kind, Kind::kNull);
  EXPECT_EQ(root.Find("d")->kind, Kind::kScalar);
  EXPECT_EQ(root.Find("e")->kind, Kind::kScalar);
}

TEST(ParseYamlTest, ReadsEscapesAndBlockScalars) {
  const YamlNode root = Parse("a: \"x\\n\\u00e9\\0\"\nb: |\n  one\n  two\nc: >-\n  one\n  two\n");
  EXPECT_EQ(root.Find("a")->text, std::string("x\n\xc3\xa9\0", 5));
  EXPECT_EQ(root.Find("b")->text, "one\ntwo\n");
  EXPECT_EQ(root.Find("c")->text, "one two");
}

TEST(ParseYamlTest, ReadsSingleQuotesInARow) {
  EXPECT_EQ(Parse("a: 'x''''''y'\n").Find("a")->text, "x'''y");
  EXPECT_EQ(Parse("a: ''\n").Find("a")->text, "");
  EXPECT_EQ(Parse("a: ''''\n").Find("a")->text, "'");
  EXPECT_EQ(Parse("{'a''''b': c}").entries[0].key.text, "a''b");
  EXPECT_EQ(Parse("\xef\xbb\xbf"
                  "a: '\xc3\xa9''z'\n")
                .Find("a")
                ->text,
            "\xc3\xa9'z");
  const std::string run(2000, '\'');
  EXPECT_EQ(Parse("a: '" + run + "abc'\n").Find("a")->text, std::string(1000, '\'') + "abc");
}

TEST(ParseYamlTest, ReadsEmptyBlocks) {
  const YamlNode root = Parse("a: |\nb: >\nc: |+\nd: x\n");
  for (const char* key : {"a", "b", "c"}) {
    EXPECT_EQ(root.Find(key)->kind, Kind::kScalar) << key;
    EXPECT_EQ(root.Find(key)->text, "") << key;
  }
}

TEST(ParseYamlTest, RefusesTextsThatTheLibraryMisreads) {
  EXPECT_EQ(Complaint("a: \"x\\ \n  y\"\n"),
            "f.yaml:1:4: error: a quoted text ends on the line where it begins; use | for several "
            "lines\n  a: \"x\\ \n     ^\n");
  EXPECT_NE(Complaint("a: 'x\n  y'\n").find("a quoted text ends on the line"), std::string::npos);
  EXPECT_NE(Complaint("a: >-\n  x\n\n   y\n").find("this folded text cannot be read"),
            std::string::npos);
}

TEST(ParseYamlTest, TakesCommentsMarkersByteOrderMarksAndCrLf) {
  EXPECT_EQ(Parse("# c\n---\na: 1 # c\n...\n").Find("a")->text, "1");
  EXPECT_EQ(Parse("\xef\xbb\xbf"
                  "a: 1\n")
                .entries[0]
                .key.text,
            "a");
  const YamlNode crlf = Parse("a: 1\r\nb: 2\r\n");
  EXPECT_EQ(crlf.Find("a")->text, "1");
  EXPECT_EQ(crlf.Find("b")->position, (Position{2, 4}));
}

TEST(ParseYamlTest, AnEmptyTextIsNull) {
  EXPECT_EQ(Parse("").kind, Kind::kNull);
  EXPECT_EQ(Parse("# only a comment\n").kind, Kind::kNull);
  EXPECT_EQ(Parse("---\n").kind, Kind::kNull);
}

TEST(ParseYamlTest, RefusesADuplicateKeyWithBothPlaces) {
  EXPECT_EQ(Complaint("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n"),
            "f.yaml:5:3: error: key 'c' is given twice; first at line 3, column 3\n"
            "    c: 3\n"
            "    ^\n");
}

TEST(ParseYamlTest, RefusesAliasesAnchorsAndTags) {
  EXPECT_EQ(Complaint("a: &x 1\n"),
            "f.yaml:1:4: error: anchors (&name) are not supported\n  a: &x 1\n     ^\n");
  EXPECT_EQ(Complaint("a: &x [1]\n"),
            "f.yaml:1:4: error: anchors (&name) are not supported\n  a: &x [1]\n     ^\n");
  EXPECT_EQ(Complaint("a: &x {b: 1}\n"),
            "f.yaml:1:4: error: anchors (&name) are not supported\n  a: &x {b: 1}\n     ^\n");
  EXPECT_EQ(Complaint("a: !!str 1\n"),
            "f.yaml:1:4: error: tags (!name) are not supported\n  a: !!str 1\n     ^\n");
  EXPECT_EQ(
      Complaint("b: *x\n"),
      "f.yaml:1:4: error: aliases (*name) are not supported; a value that begins with '*' needs "
      "quotes\n"
      "  b: *x\n     ^\n");
}

TEST(ParseYamlTest, RefusesABillionLaughs) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last + "," + last + "]\n";
  }
  EXPECT_NE(Complaint(text).find("anchors"), std::string::npos);
}

TEST(ParseYamlTest, RefusesKeysThatAreNotScalars) {
  EXPECT_EQ(Complaint("? [a, b]\n: 3\n"), "f.yaml:1:3: error: expected a key\n  ? [a, b]\n    ^\n");
  EXPECT_EQ(Complaint("{a: 1, {b: 2}: 3}\n"),
            "f.yaml:1:8: error: expected a key\n  {a: 1, {b: 2}: 3}\n         ^\n");
}

TEST(ParseYamlTest, RefusesASecondDocument) {
  EXPECT_EQ(Complaint("a: 1\n---\nb: 2\n"),
            "f.yaml:2:1: error: a second YAML document begins here; expected only one\n"
            "  ---\n"
            "  ^\n");
}

TEST(ParseYamlTest, TellsWhereTheSyntaxIsWrong) {
  EXPECT_EQ(Complaint("a:\n  b: 1\n\tc: 2\n"),
            "f.yaml:3:2: error: not valid YAML: invalid tab used as indentation\n"
            "  \tc: 2\n"
            "  \t^\n");
  EXPECT_EQ(Complaint("a: b: c\n"),
            "f.yaml:1:5: error: not valid YAML: invalid nested block mapping on the same line\n"
            "  a: b: c\n"
            "      ^\n");
  for (const char* text :
       {"a: [1, 2\nb: 3\n", "a: \"abc\n", "{a: 1}}\n", "a: 1\n b: 2\n", "@a: 1\n"}) {
    EXPECT_TRUE(Complaint(text).starts_with("f.yaml:")) << text;
    EXPECT_NE(Complaint(text).find("error: not valid YAML: "), std::string::npos) << text;
  }
}

TEST(ParseYamlTest, RefusesWhatIsNotText) {
  EXPECT_EQ(Complaint(std::string_view("a: \0", 4)),
            "f.yaml:1:4: error: NUL byte; expected plain text\n  a: ?\n     ^\n");
  EXPECT_EQ(Complaint("a: \xff\n"), "f.yaml:1:4: error: this is not UTF-8 text\n  a: ?\n     ^\n");
}

TEST(ParseYamlTest, BoundsTheSize) {
  EXPECT_EQ(Complaint(std::string(kMaxYamlBytes + 1, '#')),
            "f.yaml: error: the file is too large; at most 16777216 bytes\n");
  EXPECT_EQ(Parse(std::string(kMaxYamlBytes, '#')).kind, Kind::kNull);
}

TEST(ParseYamlTest, BoundsTheNesting) {
  const auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(Parse(nested(kMaxYamlDepth + 1)).is_sequence());
  EXPECT_NE(Complaint(nested(kMaxYamlDepth + 2)).find("nested too deeply; at most 16"),
            std::string::npos);
  EXPECT_FALSE(Complaint(std::string(100'000, '[')).empty());
  EXPECT_FALSE(Complaint(std::string(100'000, '{')).empty());
}

TEST(ParseYamlTest, BoundsTheNumberOfValues) {
  std::string text;
  for (size_t i = 0; i < kMaxYamlNodes; ++i) text += "- a\n";
  EXPECT_NE(Complaint(text).find("too many values; at most 1000000"), std::string::npos);
}

TEST(ParseYamlTest, ABudgetIsForSeveralFiles) {
  Report report("a: [b]\n", "f.yaml");
  const int second = report.AddFile("c: d\n", "g.yaml");
  const int third = report.AddFile("e\n", "h.yaml");
  YamlBudget budget{.bytes = 12, .nodes = 7};
  EXPECT_TRUE(ParseYamlFile(0, &budget, &report));
  EXPECT_EQ(budget.bytes, 5u);
  EXPECT_EQ(budget.nodes, 3u);
  const std::optional<YamlNode> node = ParseYamlFile(second, &budget, &report);
  ASSERT_TRUE(node);
  EXPECT_EQ(node->entries[0].value.position, (Position{1, 4, second}));
  EXPECT_FALSE(report.has_errors());
  EXPECT_FALSE(ParseYamlFile(third, &budget, &report));
  budget = {.bytes = 2, .nodes = 0};
  EXPECT_FALSE(ParseYamlFile(third, &budget, &report));
  EXPECT_EQ(budget.nodes, 0u);
  EXPECT_EQ(FormatDiagnostics(report.Take()),
            "h.yaml: error: the file and those before it are too large; at most 16777216 bytes\n"
            "h.yaml:1:1: error: too many values; at most 1000000\n  e\n  ^\n");
}

}  // namespace
}  // namespace holdfast::config
