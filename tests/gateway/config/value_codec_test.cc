#include "gateway/config/value_codec.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

using std::chrono::seconds;
using Kind = Shape::Kind;

constexpr std::string_view kOffWord[] = {"off"};
constexpr Shape kText = {.kind = Kind::kText};
constexpr Shape kDurationShape = {.kind = Kind::kDuration, .words = kOffWord};
constexpr Shape kCount = {.kind = Kind::kCount, .max = 1 << 30, .words = kOffWord};
constexpr Shape kSize = {.kind = Kind::kSize, .words = kOffWord};
constexpr Shape kPercent = {.kind = Kind::kPercent};
constexpr Shape kCounts = {.kind = Kind::kList, .max = 9, .element = &kCount};

// What `value` is after a scalar, or a list of them, was read into it.
template <class T>
T After(const Shape& shape, std::string_view text, T value) {
  Report report(text, "f.yaml");
  Read(ParseYaml(text, &report).value(), shape, &value, &report);
  return value;
}

TEST(ValueCodecTest, ReadsEachType) {
  EXPECT_EQ(After(kText, "text", std::string()), "text");
  EXPECT_EQ(After(kDurationShape, "5s", Duration()), seconds(5));
  EXPECT_EQ(After(kCount, "7", uint32_t{0}), 7u);
  EXPECT_EQ(After(kCount, "404", uint16_t{0}), 404);
  EXPECT_EQ(After(kSize, "1KiB", uint64_t{0}), 1024u);
  EXPECT_EQ(After(kPercent, "20%", uint32_t{0}), 20u);
  EXPECT_TRUE(After(kText, "true", false));
  EXPECT_FALSE(After(kText, "false", true));
  EXPECT_EQ(After(kText, "maglev", pool::BalancePolicy::kRandom), pool::BalancePolicy::kMaglev);
  EXPECT_EQ(After(kText, "127.0.0.1:80", Bind()).address.port(), 80);
  EXPECT_EQ(After(kText, "192.0.2.2", pool::SocketAddress()).port(), 53);
  EXPECT_EQ(After(kText, "web:80", Endpoint()).host, "web");
  EXPECT_EQ(After(kCounts, "[1, 2]", std::vector<uint16_t>()), (std::vector<uint16_t>{1, 2}));
}

TEST(ValueCodecTest, WhatIsWrongChangesNothing) {
  EXPECT_EQ(After(kDurationShape, "banana", Duration(seconds(3))), seconds(3));
  EXPECT_EQ(After(kCount, "banana", uint32_t{5}), 5u);
  EXPECT_EQ(After(kSize, "banana", uint32_t{7}), 7u);
  EXPECT_EQ(After(kPercent, "8", uint32_t{8}), 8u);
  EXPECT_EQ(After(kText, "banana", pool::BalancePolicy::kMaglev), pool::BalancePolicy::kMaglev);
  EXPECT_EQ(After(kText, "banana", Bind{.text = "x"}).text, "x");
}

TEST(ValueCodecTest, TheWordOfTheShapeIsNull) {
  EXPECT_EQ(After(kDurationShape, "off", std::optional<Duration>(seconds(1))), std::nullopt);
  EXPECT_EQ(After(kDurationShape, "2s", std::optional<Duration>()), seconds(2));
  EXPECT_EQ(After(kCount, "off", std::optional<uint32_t>(1)), std::nullopt);
  EXPECT_EQ(After(kSize, "off", std::optional<uint64_t>(1)), std::nullopt);
  EXPECT_EQ(After(kSize, "2KiB", std::optional<uint64_t>()), 2048u);
}

TEST(ValueCodecTest, AListHasAsManyValuesAsTheFile) {
  EXPECT_EQ(After(kCounts, "[1, {a: 2}, 3]", std::vector<uint16_t>()),
            (std::vector<uint16_t>{1, 0, 3}));
}

TEST(ValueCodecTest, WritesWhatItReads) {
  EXPECT_EQ(Write(kText, std::string("text")), "text");
  EXPECT_EQ(Write(kDurationShape, Duration(seconds(90))), "90s");
  EXPECT_EQ(Write(kDurationShape, std::optional<Duration>()), "off");
  EXPECT_EQ(Write(kCount, std::optional<uint32_t>(7)), "7");
  EXPECT_EQ(Write(kSize, uint32_t{2048}), "2KiB");
  EXPECT_EQ(Write(kPercent, uint32_t{20}), "20%");
  EXPECT_EQ(Write(kText, true), "true");
  EXPECT_EQ(Write(kText, pool::BalancePolicy::kRingHash), "ring_hash");
  EXPECT_EQ(Write(kCounts, std::vector<uint16_t>{503, 429}), "[503, 429]");
  EXPECT_EQ(Write(kCounts, std::vector<uint16_t>()), "[]");
}

}  // namespace
}  // namespace holdfast::config
