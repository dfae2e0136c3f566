#include "gateway/config/diagnostic.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

TEST(FormatDiagnosticTest, ShowsTheLineWithACaret) {
  Report report("a: 1\nbcd: 2\n", "f.yaml");
  report.Error({2, 6}, "expected something else");
  EXPECT_EQ(FormatDiagnostics(report.Take()),
            "f.yaml:2:6: error: expected something else\n"
            "  bcd: 2\n"
            "       ^\n");
}

TEST(FormatDiagnosticTest, TheCaretFollowsTabsAndWideCharacters) {
  Report report("\tx\n\xc3\xa9\xc3\xa9 y", "f.yaml");
  report.Error({1, 2}, "m");
  report.Warning({2, 4}, "n");
  EXPECT_EQ(FormatDiagnostics(report.Take()),
            "f.yaml:1:2: error: m\n  \tx\n  \t^\n"
            "f.yaml:2:4: warning: n\n  \xc3\xa9\xc3\xa9 y\n     ^\n");
}

TEST(FormatDiagnosticTest, AFileAsAWholeHasNoLine) {
  Report report("", "f.yaml");
  report.Error({}, "cannot be read");
  EXPECT_EQ(FormatDiagnostics(report.Take()), "f.yaml: error: cannot be read\n");
}

TEST(QuotedTest, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(Quoted("plain"), "'plain'");
  EXPECT_EQ(Quoted("\xc3\xa9"), "'\xc3\xa9'");
  EXPECT_EQ(Quoted("a\nb\x1b[31m"), "'a\\nb\\x1b[31m'");
  EXPECT_EQ(Quoted("\xc2\x9b\xff"), "'\\xc2\\x9b\\xff'");
}

TEST(QuotedTest, ShortensAtACharactersEnd) {
  EXPECT_EQ(Quoted(std::string(60, 'a')), "'" + std::string(60, 'a') + "'");
  EXPECT_EQ(Quoted(std::string(61, 'a')), "'" + std::string(60, 'a') + "...'");
  EXPECT_EQ(Quoted(std::string(59, 'a') + "\xc3\xa9z"),
            "'" + std::string(59, 'a') + "\xc3\xa9...'");
}

TEST(ReportTest, SortsByPlaceAndKeepsTheOrderOfEquals) {
  Report report("a\nb\nc", "f");
  report.Error({3, 1}, "third");
  report.Error({1, 2}, "second");
  report.Warning({1, 1}, "first");
  report.Error({3, 1}, "fourth");
  std::vector<std::string> messages;
  for (const Diagnostic& diagnostic : report.Take()) messages.push_back(diagnostic.message);
  EXPECT_EQ(messages, (std::vector<std::string>{"first", "second", "third", "fourth"}));
}

TEST(ReportTest, EachFileHasItsLinesAndComesAfterThoseBeforeIt) {
  Report report("a\nb", "f");
  const int second = report.AddFile("x\ny", "g");
  const int third = report.AddFile("", "h");
  EXPECT_EQ(report.text(second), "x\ny");
  EXPECT_EQ(report.name(third), "h");
  report.Error({.file = third}, "cannot be read");
  report.Error({1, 1, second}, "odd");
  report.Error({2, 1}, "strange");
  EXPECT_EQ(FormatDiagnostics(report.Take()),
            "f:2:1: error: strange\n  b\n  ^\n"
            "g:1:1: error: odd\n  x\n  ^\n"
            "h: error: cannot be read\n");
}

TEST(ReportTest, ALineOfAnotherFileIsToldWithItsName) {
  Report report("a", "f");
  const int other = report.AddFile("x", "g");
  EXPECT_EQ(report.LineSeenFrom({1, 1}, {7, 2}), "line 7");
  EXPECT_EQ(report.LineSeenFrom({1, 1, other}, {7, 2, other}), "line 7");
  EXPECT_EQ(report.LineSeenFrom({1, 1, other}, {7, 2}), "line 7 of f");
  EXPECT_EQ(report.LineSeenFrom({1, 1}, {7, 2, other}), "line 7 of g");
}

TEST(ReportTest, OneThatIsMadeIsNotAdded) {
  Report report("a", "f");
  EXPECT_EQ(FormatDiagnostic(report.Make(Severity::kError, {1, 1}, "odd")),
            "f:1:1: error: odd\n  a\n  ^\n");
  EXPECT_FALSE(report.has_errors());
  EXPECT_TRUE(report.Take().empty());
}

// As a default is that many items have.
TEST(ReportTest, WhatIsToldTwiceOfOnePlaceIsThereOnce) {
  Report report("a\nb", "f");
  for (int i = 0; i < 100; ++i) report.Error({1, 1}, "wrong");
  for (int i = 0; i < 100; ++i) report.Warning({2, 1}, "odd");
  report.Error({2, 1}, "wrong");
  report.Error({}, "of the whole");
  report.Error({}, "of the whole");
  EXPECT_EQ(report.errors(), 4u);
  EXPECT_EQ(FormatDiagnostics(report.Take()),
            "f: error: of the whole\nf: error: of the whole\n"
            "f:1:1: error: wrong\n  a\n  ^\n"
            "f:2:1: warning: odd\n  b\n  ^\n"
            "f:2:1: error: wrong\n  b\n  ^\n");
}

TEST(ReportTest, ALineWithASecretIsNotShown) {
  Report report("key: tell-nobody", "f");
  report.ErrorOfSecret({1, 6}, "expected another");
  report.ErrorOfSecret({1, 6}, "expected another");
  EXPECT_EQ(FormatDiagnostics(report.Take()), "f:1:6: error: expected another\n");
  report.WarningOfSecret({1, 6}, "odd");
  report.WarningOfSecret({1, 6}, "odd");
  EXPECT_EQ(FormatDiagnostics(report.Take()), "f:1:6: warning: odd\n");
}

TEST(ReportTest, NotesAreApartAndHaveABound) {
  Report report("a\nb", "f");
  report.Note({2, 1}, "second");
  report.Note({1, 1}, "first");
  EXPECT_TRUE(report.Take().empty());
  EXPECT_EQ(FormatDiagnostics(report.TakeNotes()),
            "f:1:1: note: first\n  a\n  ^\nf:2:1: note: second\n  b\n  ^\n");
  for (size_t i = 0; i < Report::kMaxNotes + 5; ++i) report.Note({1, 1}, "more");
  EXPECT_EQ(report.TakeNotes().size(), Report::kMaxNotes);
}

TEST(ReportTest, ShowsTwentyErrorsAndCountsTheRest) {
  Report report("a", "f");
  for (int i = 0; i < 23; ++i) report.Error({1, 1}, "wrong " + std::to_string(i));
  const std::vector<Diagnostic> diagnostics = report.Take();
  ASSERT_EQ(diagnostics.size(), 21u);
  EXPECT_EQ(diagnostics.back().message, "errors not shown: 3");
  EXPECT_EQ(diagnostics.back().position, Position{});
}

TEST(ReportTest, WarningsAreNoErrorsAndHaveABoundOfTheirOwn) {
  Report report("a", "f");
  for (int i = 0; i < 100; ++i) report.Warning({1, 1}, "odd " + std::to_string(i));
  EXPECT_FALSE(report.has_errors());
  report.Error({1, 1}, "wrong");
  EXPECT_TRUE(report.has_errors());
  EXPECT_EQ(report.Take().size(), 21u);
}

}  // namespace
}  // namespace holdfast::config
