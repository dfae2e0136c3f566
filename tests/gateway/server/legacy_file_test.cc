#include "gateway/server/legacy_file.h"

#include <string>

#include <gtest/gtest.h>

namespace holdfast::server {
namespace {

pool::KeyedDigest::Key SomeKey() {
  pool::KeyedDigest::Key key;
  for (size_t i = 0; i < key.size(); ++i) key[i] = static_cast<uint8_t>(i * 7);
  return key;
}

TEST(LegacyFileTest, HasTheText) {
  for (const size_t size : {1u, 4096u, 10'000u}) {
    const std::string text(size, 'x');
    EXPECT_EQ(ReadLegacyFile(MakeLegacyFile(text)), text);
  }
}

TEST(LegacyFileTest, WithoutATextThereIsNone) {
  EXPECT_FALSE(MakeLegacyFile("").valid());
  EXPECT_EQ(ReadLegacyFile(pool::FileDescriptor()), "");
}

TEST(LegacyFileTest, TheKeyIsFoundAmongOtherLines) {
  const std::string line = FormatProcessKey(SomeKey());
  EXPECT_EQ(FindProcessKey(line), SomeKey());
  EXPECT_EQ(FindProcessKey("65646765 60 00ff\n" + line + "something else\n"), SomeKey());
}

TEST(LegacyFileTest, WhatIsNoKeyIsNone) {
  const std::string line = FormatProcessKey(SomeKey());
  for (const std::string& text :
       {std::string(), std::string("\n\n"), line.substr(0, line.size() - 2), "x" + line,
        std::string("process-key 0 "), "process-key 0 " + std::string(64, 'g') + "\n",
        "process-key 0 " + std::string(66, '0')}) {
    EXPECT_EQ(FindProcessKey(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace holdfast::server
