#include "gateway/auth/base64.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include <absl/strings/escaping.h>
#include <gtest/gtest.h>

namespace holdfast::auth {
namespace {

std::optional<std::string> Decoded(std::string_view text) {
  std::array<char, 64> bytes;
  const std::optional<size_t> size = DecodeBase64(text, bytes);
  if (!size.has_value()) return std::nullopt;
  return std::string(bytes.data(), *size);
}

// RFC 4648 section 10.
TEST(Base64Test, TheExamplesOfTheRfcWithAndWithoutPadding) {
  EXPECT_EQ(Decoded(""), "");
  EXPECT_EQ(Decoded("Zg=="), "f");
  EXPECT_EQ(Decoded("Zg"), "f");
  EXPECT_EQ(Decoded("Zm8="), "fo");
  EXPECT_EQ(Decoded("Zm8"), "fo");
  EXPECT_EQ(Decoded("Zm9v"), "foo");
  EXPECT_EQ(Decoded("Zm9vYmFy"), "foobar");
}

TEST(Base64Test, WhatTheLibraryEncodesOfAnyBytes) {
  std::string bytes;
  for (int i = 0; i < 48; ++i) {
    const std::string encoded = absl::Base64Escape(bytes);
    EXPECT_EQ(Decoded(encoded), bytes);
    EXPECT_EQ(Decoded(encoded.substr(0, encoded.find('='))), bytes);
    bytes.push_back(static_cast<char>(i * 53 + 200));
  }
}

TEST(Base64Test, OneTextForTheSameBytesAndNoOther) {
  for (const std::string_view text :
       {"Z",      "Zm9vY",    "Zg=",  "Zg===", "Zg====", "Zm8==", "Zm9v=",
        "Zm9v==", "Zm9v====", "=",    "==",    "====",   "Z===",  "Zg==Zg==",
        "Zg=a",   "Zh==",     "Zh",   "Zm9=",  "Zm9",    "Zm 9v", " Zm9v",
        "Zm9v ",  "Zm9v\n",   "Zm8.", "Zg..",  "Zm9-",   "Zm9_",  "Zm9\xc3"}) {
    EXPECT_EQ(Decoded(text), std::nullopt) << text;
  }
  EXPECT_EQ(Decoded(std::string_view("Zm9\0", 4)), std::nullopt);
}

TEST(Base64Test, NoMoreThanThereIsRoomFor) {
  std::array<char, 4> bytes;
  EXPECT_EQ(DecodeBase64("Zm9vYg==", bytes), 4u);
  EXPECT_EQ(DecodeBase64("Zm9vYg", bytes), 4u);
  EXPECT_EQ(DecodeBase64("Zm9vYmE=", bytes), std::nullopt);
  EXPECT_EQ(DecodeBase64("Zm9vYmE", bytes), std::nullopt);
  EXPECT_EQ(DecodeBase64("Zm9vYmFy", bytes), std::nullopt);
  EXPECT_EQ(DecodeBase64("", std::span<char>()), 0u);
}

std::optional<std::string> DecodedUrl(std::string_view text) {
  std::array<char, 64> bytes;
  const std::optional<size_t> size = DecodeBase64Url(text, bytes);
  if (!size.has_value()) return std::nullopt;
  return std::string(bytes.data(), *size);
}

TEST(Base64Test, TheAlphabetForUrlsIsWithoutPadding) {
  std::string bytes;
  for (int i = 0; i < 48; ++i) {
    EXPECT_EQ(DecodedUrl(absl::WebSafeBase64Escape(bytes)), bytes);
    bytes.push_back(static_cast<char>(i * 53 + 200));
  }
  EXPECT_EQ(DecodedUrl("-_-_"), "\xfb\xff\xbf");
  for (const std::string_view text :
       {"Zg==", "Zg=", "Zm8=", "=", "+/+/", "Zm9+", "Zm9/", "Z", "Zh", "Zm9", "Zm9v\n", " Zm9v",
        "Zm9v ", "Zm.v", "Zm8.", "Zm9\xc3"}) {
    EXPECT_EQ(DecodedUrl(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace holdfast::auth
