#include "pool/tls/server_names.h"

#include <string>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

TEST(ServerNamesTest, AnExactNameComesBeforeAWildcard) {
  ServerNames names;
  EXPECT_TRUE(names.Add("*.example.com", 1));
  EXPECT_TRUE(names.Add("www.example.com", 2));
  EXPECT_EQ(names.Find("www.example.com"), 2u);
  EXPECT_EQ(names.Find("api.example.com"), 1u);
}

TEST(ServerNamesTest, AWildcardIsOneLabel) {
  ServerNames names;
  names.Add("*.example.com", 1);
  for (const char* host : {"example.com", ".example.com", "a.b.example.com",
                           "example.com.evil.test", "*.com", "aexample.com", ""}) {
    EXPECT_EQ(names.Find(host), std::nullopt) << host;
  }
}

TEST(ServerNamesTest, CaseAndADotAtTheEndDoNotMatter) {
  ServerNames names;
  names.Add("A.Example.com.", 1);
  names.Add("*.B.test", 2);
  EXPECT_EQ(names.Find("a.EXAMPLE.com"), 1u);
  EXPECT_EQ(names.Find("a.example.com."), 1u);
  EXPECT_EQ(names.Find("X.b.TEST"), 2u);
  EXPECT_EQ(names.Find("a.example.com.."), std::nullopt);
}

TEST(ServerNamesTest, TheFirstHasIt) {
  ServerNames names;
  EXPECT_TRUE(names.Add("a.test", 1));
  EXPECT_FALSE(names.Add("A.test", 2));
  EXPECT_EQ(names.Find("a.test"), 1u);
}

TEST(ServerNamesTest, WhatIsNoHostNameIsNobodys) {
  ServerNames names;
  for (const char* name : {"", ".", "w*.a.test", "*.*.test", "a.*.test", "**.test", "a b.test"}) {
    EXPECT_FALSE(names.Add(name, 1)) << name;
  }
  EXPECT_FALSE(names.Add(std::string("a.test\0.evil", 12), 1));
  EXPECT_FALSE(names.Add(std::string(254, 'a'), 1));
  names.Add("*.0.0.1", 1);
  EXPECT_EQ(names.Find("127.0.0.1"), std::nullopt) << "an address is no name";
  EXPECT_EQ(names.Find("::1"), std::nullopt);
}

}  // namespace
}  // namespace holdfast::pool
