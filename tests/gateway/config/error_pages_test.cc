#include "gateway/config/error_pages.h"

#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/gateway/config/load_testing.h"

namespace holdfast::config {
namespace {

std::string WithPages(std::string_view pages) {
  return "listeners:\n  - bind: 127.0.0.1:8080\n    error_pages: " + std::string(pages) +
         "\nroutes: [{respond: {}}]\n";
}

Listener Paged(std::string_view pages) {
  Listener listener = Load(WithPages(pages)).listeners[0];
  for (ErrorPage& page : listener.error_pages) {
    page.body = std::make_shared<const std::string>(page.file);
  }
  return listener;
}

std::string FileFor(const Listener& listener, int status) {
  const ErrorPage* page = FindErrorPage(listener, status);
  return page == nullptr ? "(none)" : page->file;
}

TEST(ErrorPagesTest, AStatusComesBeforeItsClassWhateverTheirOrder) {
  for (const std::string_view pages : {"{404: /a.html, 4xx: /b.html, 5xx: /c.json}",
                                       "{5xx: /c.json, 4xx: /b.html, 404: /a.html}"}) {
    const Listener listener = Paged(pages);
    EXPECT_EQ(FileFor(listener, 404), "/a.html");
    EXPECT_EQ(FileFor(listener, 400), "/b.html");
    EXPECT_EQ(FileFor(listener, 499), "/b.html");
    EXPECT_EQ(FileFor(listener, 500), "/c.json");
    EXPECT_EQ(FileFor(listener, 599), "/c.json");
    EXPECT_EQ(FileFor(listener, 399), "(none)");
    EXPECT_EQ(FileFor(listener, 600), "(none)");
  }
  EXPECT_EQ(FileFor(Paged("{}"), 404), "(none)");
  EXPECT_EQ(FileFor(Paged("{503: /a.txt}"), 502), "(none)");
}

TEST(ErrorPagesTest, OneThatWasNotReadIsNone) {
  EXPECT_EQ(FindErrorPage(Load(WithPages("{404: /a.html}")).listeners[0], 404), nullptr);
}

TEST(ErrorPagesTest, TheEndingSaysWhatAFileHolds) {
  EXPECT_EQ(MediaTypeOf("/a.html"), "text/html; charset=utf-8");
  EXPECT_EQ(MediaTypeOf("/a.b.json"), "application/json");
  EXPECT_EQ(MediaTypeOf("/a.txt"), "text/plain; charset=utf-8");
  EXPECT_EQ(MediaTypeOf("/a.xml"), "application/xml");
  for (const std::string_view path : {"", "/a", "/html", "/a.htm", "/a.HTML", "/a.html/b"}) {
    EXPECT_EQ(MediaTypeOf(path), "") << path;
  }
}

TEST(ErrorPagesTest, StatusesAreThoseOfErrors) {
  for (const std::string_view text : {"400", "404", "599", "4xx", "5xx"}) {
    EXPECT_TRUE(IsErrorStatus(text)) << text;
  }
  for (const std::string_view text : {"", "4", "40", "4000", "200", "399", "600", "3xx", "4XX",
                                      "40x", "4x4", "xx4", "-40", "4 4", "error"}) {
    EXPECT_FALSE(IsErrorStatus(text)) << text;
  }
}

TEST(ErrorPagesTest, AStatusThatIsNeverTheGatewaysOwnIsWarnedOf) {
  EXPECT_EQ(Complaints(WithPages("{500: /a.html, 404: /a.html, 5xx: /b.html}")),
            "f.yaml:3:19: warning: the gateway never answers 500 by itself, and the errors of "
            "upstreams have no pages\n"
            "      error_pages: {500: /a.html, 404: /a.html, 5xx: /b.html}\n"
            "                    ^\n");
}

TEST(ErrorPagesTest, WhatIsNoneIsSaidWhereItStands) {
  EXPECT_EQ(Complaints(WithPages("{404: notfound.html}")),
            "f.yaml:3:24: error: expected an absolute path that ends in .html, .json, .txt or "
            ".xml; found 'notfound.html'\n"
            "      error_pages: {404: notfound.html}\n"
            "                         ^\n");
  EXPECT_EQ(Complaints(WithPages("{301: /a.html}")),
            "f.yaml:3:19: error: expected a status from 400 to 599, 4xx or 5xx; found '301'\n"
            "      error_pages: {301: /a.html}\n"
            "                    ^\n");
  for (const std::string_view pages :
       {"/a.html", "[/a.html]", "{404: {file: /a.html}}", "{404: }", "{404: /a.php}", "off"}) {
    EXPECT_NE(Complaints(WithPages(pages)).find("f.yaml:3:"), std::string::npos) << pages;
  }
}

}  // namespace
}  // namespace holdfast::config
