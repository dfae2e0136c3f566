#include "gateway/http/forwarded.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

std::string Written(const ForwardedElement& element) {
  std::string text(ForwardedElementBound(element), '?');
  text.resize(static_cast<size_t>(WriteForwardedElement(element, text.data()) - text.data()));
  return text;
}

TEST(ForwardedTest, AnElementIsWrittenWithTheQuotesItNeeds) {
  EXPECT_EQ(Written({.ip = "192.0.2.1", .host = "a.test", .proto = "http"}),
            "for=192.0.2.1;host=a.test;proto=http");
  EXPECT_EQ(Written({.ip = "2001:db8::1", .host = "a.test:8080", .proto = "https"}),
            "for=\"[2001:db8::1]\";host=\"a.test:8080\";proto=https");
  EXPECT_EQ(Written({.ip = "", .host = "[::1]", .proto = "http"}),
            "for=unknown;host=\"[::1]\";proto=http");
  EXPECT_EQ(Written({.ip = "192.0.2.1"}), "for=192.0.2.1");
  EXPECT_EQ(Written({.ip = "192.0.2.1", .host = "a\",for=\\x"}),
            "for=192.0.2.1;host=\"a\\\",for=\\\\x\"");
}

TEST(ForwardedTest, WhatIsWrittenFitsItsRoom) {
  for (const ForwardedElement& element :
       {ForwardedElement{.ip = "2001:db8::1", .host = "\"\"\"\"\\", .proto = "https"},
        ForwardedElement{.host = "\"", .proto = "x"}, ForwardedElement{}}) {
    EXPECT_LE(Written(element).size(), ForwardedElementBound(element));
  }
}

// The nodes of a list from its end.
std::vector<std::string> Nodes(std::string_view list) {
  std::vector<std::string> nodes;
  while (!list.empty()) nodes.emplace_back(ForwardedNode(TakeLastForwarded(&list)));
  return nodes;
}
using List = std::vector<std::string>;

TEST(ForwardedTest, TheNodesOfAList) {
  EXPECT_EQ(Nodes("for=192.0.2.1"), List{"192.0.2.1"});
  EXPECT_EQ(Nodes("for=192.0.2.1, FOR=198.51.100.2;proto=http"),
            (List{"198.51.100.2", "192.0.2.1"}));
  EXPECT_EQ(Nodes("proto=https ; For=\"[2001:db8::1]:4711\";by=_x , for=unknown"),
            (List{"unknown", "[2001:db8::1]:4711"}));
  EXPECT_EQ(Nodes("for=_hidden;;by=\"a;for=b,c\""), List{"_hidden"});
}

TEST(ForwardedTest, AnElementWithoutOneNodeHasNone) {
  EXPECT_EQ(Nodes("proto=http"), List{""});
  EXPECT_EQ(Nodes("for="), List{""});
  EXPECT_EQ(Nodes("for=192.0.2.1;for=192.0.2.2"), List{""});
  EXPECT_EQ(Nodes("192.0.2.1"), List{""});
  EXPECT_EQ(Nodes("for=\"192.0.2.1"), List{""});
  EXPECT_EQ(Nodes("for=\"192.0.2\\.1\""), List{""});
  EXPECT_EQ(Nodes("for=192.0.2.1\""), List{""});
  EXPECT_EQ(Nodes("for=192.0.2.1,,"), (List{"", "", "192.0.2.1"}));
}

// What a client has sent stays left of what our proxies add.
TEST(ForwardedTest, AnOpenQuoteHidesNothingToItsRight) {
  EXPECT_EQ(Nodes("for=\"10.0.0.1, for=192.0.2.1;host=\"a:1\"").front(), "192.0.2.1");
  EXPECT_EQ(Nodes("for=\"10.0.0.1\\, for=192.0.2.1").front(), "192.0.2.1");
  EXPECT_EQ(Nodes("for=10.0.0.1;x=\"\\\", for=\"[::1]\"").front(), "[::1]");
}

TEST(ForwardedTest, CommasInQuotesDivideNothing) {
  EXPECT_EQ(Nodes("for=192.0.2.1;host=\"a,b\\\",c\""), List{"192.0.2.1"});
}

}  // namespace
}  // namespace holdfast::http
