#include "gateway/http/keep_alive_field.h"

#include <string>

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

using std::chrono::seconds;

TEST(ParseKeepAliveTest, ReadsWhatServersSend) {
  EXPECT_EQ(ParseKeepAlive("timeout=5"), (KeepAliveField{seconds(5), std::nullopt}));
  EXPECT_EQ(ParseKeepAlive("timeout=5, max=100"), (KeepAliveField{seconds(5), 100}));
  EXPECT_EQ(ParseKeepAlive("max=99,timeout=15"), (KeepAliveField{seconds(15), 99}));
  EXPECT_EQ(ParseKeepAlive("timeout=0, max=0"), (KeepAliveField{seconds(0), 0}));
}

TEST(ParseKeepAliveTest, TakesAnyCaseSpacesAndQuotes) {
  const KeepAliveField both{seconds(5), 100};
  for (const char* text :
       {"Timeout=5, MAX=100", " timeout = 5 ,\tmax = 100 ", "timeout=\"5\", max=\" 100 \"",
        "timeout=5; max=100", "timeout=005,max=0100", ",,timeout=5,,max=100,"}) {
    EXPECT_EQ(ParseKeepAlive(text), both) << text;
  }
}

TEST(ParseKeepAliveTest, PassesOverWhatItDoesNotKnow) {
  EXPECT_EQ(ParseKeepAlive("a, b=c, timeout=5, timeouts=1, xmax=2, =3"),
            (KeepAliveField{seconds(5), std::nullopt}));
}

TEST(ParseKeepAliveTest, PassesOverWhatIsNoNumber) {
  for (const char* text : {"",
                           "timeout",
                           "timeout=",
                           "timeout=x",
                           "timeout=5s",
                           "timeout=-5",
                           "timeout=+5",
                           "timeout=5.5",
                           "timeout=\"5",
                           "timeout=5\"",
                           "timeout=\"",
                           "timeout=\"\"",
                           "timeout=0x5",
                           "timeout=4294967296",
                           "timeout=99999999999999999999",
                           "timeout 5",
                           "\"timeout\"=5",
                           "timeout==5",
                           "5",
                           "=5",
                           "a=\"b, timeout=5\""}) {
    EXPECT_EQ(ParseKeepAlive(text), KeepAliveField{}) << text;
  }
  EXPECT_EQ(ParseKeepAlive(std::string_view("timeout=5\0", 10)), KeepAliveField{});
}

TEST(ParseKeepAliveTest, TakesTheLargestNumber) {
  EXPECT_EQ(ParseKeepAlive("timeout=4294967295, max=4294967295"),
            (KeepAliveField{seconds(4294967295), 4294967295}));
}

TEST(ParseKeepAliveTest, TheLowestOfSeveralCounts) {
  EXPECT_EQ(ParseKeepAlive("timeout=5, timeout=3, timeout=9, timeout=x"),
            (KeepAliveField{seconds(3), std::nullopt}));
}

TEST(FindKeepAliveTest, LooksAtEveryKeepAliveField) {
  HeaderList headers;
  EXPECT_EQ(FindKeepAlive(headers), KeepAliveField{});
  headers.Add({.name = "X-Other", .value = "timeout=1"});
  headers.Add({.name = "keep-alive", .value = "timeout=5", .id = FieldId::kKeepAlive});
  headers.Add({.name = "Keep-Alive", .value = "timeout=7, max=3", .id = FieldId::kKeepAlive});
  EXPECT_EQ(FindKeepAlive(headers), (KeepAliveField{seconds(5), 3}));
}

}  // namespace
}  // namespace holdfast::http
