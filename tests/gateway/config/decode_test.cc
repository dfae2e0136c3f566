#include "gateway/config/decode.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "gateway/config/field.h"

namespace holdfast::config {
namespace {

using std::chrono::seconds;
using Kind = Shape::Kind;

struct Small {
  uint32_t size = 4;
};
struct Large {
  Duration shortest = seconds(2);
  Duration longest = seconds(10);
  Duration step = seconds(1);
  uint32_t count = 5;
  Small inner;
  std::optional<Small> more;
};

constexpr std::string_view kOffWord[] = {"off"};
constexpr Shape kTime = {.kind = Kind::kDuration, .max = 3'600'000'000'000};
constexpr Shape kCount = {.kind = Kind::kCount, .max = 9};
constexpr Key kInnerKeys[] = {Field<&Small::size>("size", kCount, "A size.")};
constexpr Shape kInner = Mapping<Small>("a mapping", kInnerKeys);
constexpr Shape kInnerOrOff = OrWords(kInner, kOffWord);
constexpr Key kOwnerKeys[] = {
    Field<&Large::shortest>("shortest", kTime, "A time.").AtMostOrRaises("longest"),
    Field<&Large::longest>("longest", kTime, "A time."),
    Field<&Large::step>("step", kTime, "A time.").AtMost("longest", " (the whole)"),
    Field<&Large::count>("count", kCount, "A count."),
    Field<&Large::inner>("inner", kInner, "A mapping."),
    Field<&Large::more>("more", kInnerOrOff, "A mapping."),
    Apart("apart", kCount, "A count."),
};
constexpr Shape kOwner = Mapping<Large>("a mapping", kOwnerKeys);

Large Decode(std::string_view text, std::string* errors = nullptr) {
  Report report(text, "f.yaml");
  Large owner;
  DecodeMapping(ParseYaml(text, &report).value(), kOwner, &owner, &report);
  std::string found;
  for (const Diagnostic& diagnostic : report.Take()) {
    found += std::to_string(diagnostic.position.line) + ":" +
             std::to_string(diagnostic.position.column) + " " + diagnostic.message + "\n";
  }
  if (errors != nullptr) {
    *errors = found;
  } else {
    EXPECT_EQ(found, "");
  }
  return owner;
}

std::string Errors(std::string_view text) {
  std::string errors;
  Decode(text, &errors);
  return errors;
}

TEST(DecodeTest, FillsWhatIsThere) {
  const Large owner = Decode("{count: 7, inner: {size: 3}, apart: 1, unknown: 2}");
  EXPECT_EQ(owner.count, 7u);
  EXPECT_EQ(owner.inner.size, 3u);
  EXPECT_EQ(owner.longest, seconds(10));
  EXPECT_FALSE(owner.more);
}

TEST(DecodeTest, WhatDoesNotFitKeepsItsDefault) {
  for (const char* text : {"count: 10", "count: x", "count: [1]", "count: {a: 1}", "count:"}) {
    EXPECT_EQ(Decode(text).count, 5u) << text;
  }
  EXPECT_EQ(Decode("inner: 7").inner.size, 4u);
}

TEST(DecodeTest, AMappingThatIsSwitchedOnHasItsOwnDefaults) {
  EXPECT_EQ(Decode("more: {}").more.value_or(Small{.size = 0}).size, 4u);
  EXPECT_EQ(Decode("more: {size: 1}").more.value_or(Small{.size = 0}).size, 1u);
  EXPECT_FALSE(Decode("more: off").more);
}

TEST(DecodeTest, ADefaultGivesWayToWhatIsGiven) {
  EXPECT_EQ(Decode("longest: 500ms").step, std::chrono::milliseconds(500));
  EXPECT_EQ(Decode("longest: 500ms").shortest, std::chrono::milliseconds(500));
  EXPECT_EQ(Decode("shortest: 20s").longest, seconds(20));
}

TEST(DecodeTest, TwoThatContradictEachOtherAreReportedAtTheFirstOfThem) {
  EXPECT_EQ(Errors("{shortest: 3s, longest: 2s, step: 1s}"),
            "1:12 shortest is longer than longest, which is 2s\n");
  EXPECT_EQ(Errors("{step: 11s}"), "1:8 step is longer than longest, which is 10s (the whole)\n");
}

TEST(DecodeTest, WhatIsReportedAlreadyContradictsNothing) {
  EXPECT_EQ(Errors("{step: 1d, longest: 500ms}"), "");
}

TEST(FitsTest, LooksAtTheNodeItself) {
  Report report("", "f.yaml");
  const auto fits = [&report](std::string_view text, const Shape& shape) {
    return Fits(ParseYaml(text, &report).value(), shape);
  };
  EXPECT_TRUE(fits("{}", kOwner));
  EXPECT_FALSE(fits("[]", kOwner));
  EXPECT_FALSE(fits("x", kOwner));
  EXPECT_TRUE(fits("off", kInnerOrOff));
  EXPECT_TRUE(fits("9", kCount));
  EXPECT_FALSE(fits("10", kCount));
}

}  // namespace
}  // namespace holdfast::config
