#include "gateway/config/reference_page.h"

#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

bool HasLine(std::string_view begin) {
  return ReferencePage().find("\n" + std::string(begin)) != std::string::npos;
}

TEST(ReferencePageTest, TheShippedPageIsUpToDate) {
  std::ifstream file("deploy/CONFIGURATION.md");
  ASSERT_TRUE(file.good());
  const std::string shipped(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(shipped, ReferencePage()) << "run: holdfast config docs > deploy/CONFIGURATION.md";
}

TEST(ReferencePageTest, AKeyHasItsMeaningItsValuesAndItsDefault) {
  EXPECT_TRUE(
      HasLine("| `connect_timeout` | Time to connect. | a duration such as 250ms, 5s or 1h, "
              "from 1ms to 30d | `2s` |\n"));
  EXPECT_TRUE(HasLine("| `bind` | The literal address to listen on. | "));
  EXPECT_NE(ReferencePage().find("unix:/run/holdfast.sock | required |\n"), std::string::npos);
  EXPECT_NE(ReferencePage().find(" | those of /etc/resolv.conf |\n"), std::string::npos);
  EXPECT_NE(ReferencePage().find(" | `1s, or interval if that is shorter` |\n"), std::string::npos);
}

TEST(ReferencePageTest, AKeyWithKeysLeadsToTheirSection) {
  EXPECT_TRUE(HasLine("| [`health_check`](#upstreamsnamehealth_check) | "));
  EXPECT_TRUE(HasLine("## `upstreams.NAME.health_check`\n"));
  EXPECT_TRUE(HasLine("## `routes[].match`\n"));
}

TEST(ReferencePageTest, WhatMarkdownWouldTakeIsEscaped) {
  EXPECT_TRUE(HasLine("| `hosts` | Exact hosts, \\*.suffix or \\*. | "));
}

}  // namespace
}  // namespace holdfast::config
