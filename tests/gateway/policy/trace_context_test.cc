#include "gateway/policy/trace_context.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace holdfast::policy {
namespace {

constexpr std::string_view kTrace = "0af7651916cd43dd8448eb211c80319c";
constexpr std::string_view kParent = "b7ad6b7169203331";

std::string Traceparent(std::string_view version = "00", std::string_view trace = kTrace,
                        std::string_view parent = kParent, std::string_view flags = "01") {
  return std::string(version) + "-" + std::string(trace) + "-" + std::string(parent) + "-" +
         std::string(flags);
}

TEST(TraceContextTest, TheIdOfAWellFormedOneIsFound) {
  EXPECT_EQ(TraceIdOf(Traceparent()), kTrace);
  for (const std::string_view flags : {"00", "02", "03", "ff"}) {
    EXPECT_EQ(TraceIdOf(Traceparent("00", kTrace, kParent, flags)), kTrace) << flags;
  }
}

// Section 3.2.4: what a later version appends is nobody's business but its own.
TEST(TraceContextTest, LaterVersionsMayBeLonger) {
  EXPECT_EQ(TraceIdOf(Traceparent("01")), kTrace);
  EXPECT_EQ(TraceIdOf(Traceparent("cc") + "-"), kTrace);
  EXPECT_EQ(TraceIdOf(Traceparent("fe") + "-what.the=future"), kTrace);
  EXPECT_EQ(TraceIdOf(Traceparent("01") + "x"), "");
  EXPECT_EQ(TraceIdOf(Traceparent("00") + "-"), "");
  EXPECT_EQ(TraceIdOf(Traceparent("00") + "-00"), "");
}

TEST(TraceContextTest, NothingElseIsOne) {
  for (const std::string& bad : {std::string(),
                                 std::string("00"),
                                 std::string(55, '-'),
                                 std::string(55, '0'),
                                 Traceparent().substr(1),
                                 Traceparent().substr(0, 54),
                                 " " + Traceparent(),
                                 Traceparent() + " ",
                                 Traceparent() + "," + Traceparent(),
                                 Traceparent("ff"),
                                 Traceparent("FE"),
                                 Traceparent("0x"),
                                 Traceparent("00", std::string(32, '0')),
                                 Traceparent("00", "0AF7651916CD43DD8448EB211C80319C"),
                                 Traceparent("00", "0af7651916cd43dd8448eb211c80319g"),
                                 Traceparent("00", kTrace, std::string(16, '0')),
                                 Traceparent("00", kTrace, "B7AD6B7169203331"),
                                 Traceparent("00", kTrace, kParent, "0g"),
                                 Traceparent("00", kTrace, kParent, "0A"),
                                 Traceparent("00", kTrace, kParent, "1")}) {
    EXPECT_EQ(TraceIdOf(bad), "") << bad;
  }
  for (const size_t dash : {2u, 35u, 52u}) {
    std::string bad = Traceparent();
    bad[dash] = '_';
    EXPECT_EQ(TraceIdOf(bad), "") << bad;
  }
}

TEST(TraceContextTest, WhatIsBegunIsWellFormedAndNew) {
  RequestIdSource source(1, 2);
  std::string last;
  for (int i = 0; i < 100; ++i) {
    const TraceparentText text = StartTrace(/*sampled=*/i % 2 == 0, &source);
    const std::string traceparent(text.data(), text.size());
    const std::string id(TraceIdOf(traceparent));
    EXPECT_EQ(id.size(), 32u) << traceparent;
    EXPECT_NE(id, last);
    EXPECT_TRUE(traceparent.starts_with("00-")) << traceparent;
    EXPECT_TRUE(traceparent.ends_with(i % 2 == 0 ? "-01" : "-00")) << traceparent;
    last = id;
  }
}

TEST(TraceContextTest, SaysWhoTheParentIsAndWhetherItIsSampled) {
  EXPECT_EQ(ParentIdOf(Traceparent()), kParent);
  for (const std::string_view flags : {"01", "03", "ff", "0b"}) {
    EXPECT_TRUE(IsSampled(Traceparent("00", kTrace, kParent, flags))) << flags;
  }
  for (const std::string_view flags : {"00", "02", "10", "fe"}) {
    EXPECT_FALSE(IsSampled(Traceparent("00", kTrace, kParent, flags))) << flags;
  }
}

TEST(TraceContextTest, WhatIsContinuedHasANewParent) {
  RequestIdSource source(1, 2);
  const auto continued = [&source](const std::string& value) {
    const TraceparentText text = ContinueTrace(value, &source);
    return std::string(text.data(), text.size());
  };
  const std::string first = continued(Traceparent());
  EXPECT_EQ(TraceIdOf(first), kTrace) << first;
  EXPECT_NE(ParentIdOf(first), kParent);
  EXPECT_TRUE(first.starts_with("00-")) << first;
  EXPECT_TRUE(first.ends_with("-01")) << first;
  EXPECT_NE(ParentIdOf(continued(Traceparent())), ParentIdOf(first));
  EXPECT_TRUE(continued(Traceparent("00", kTrace, kParent, "03")).ends_with("-03"));
  // Section 4.3: it goes on as the version that is known here, without what it knows nothing of.
  const std::string later = continued(Traceparent("cc", kTrace, kParent, "fd") + "-future");
  EXPECT_EQ(TraceIdOf(later), kTrace) << later;
  EXPECT_EQ(later.size(), 55u);
  EXPECT_TRUE(later.starts_with("00-")) << later;
  EXPECT_TRUE(later.ends_with("-01")) << later;
}

// Section 3.3.1.
TEST(TraceContextTest, AListOfWhatVendorsSayIsATracestate) {
  struct Case {
    std::string value;
    int members;
  };
  for (const auto& [value, members] :
       {Case{"", 0}, Case{" , ,\t", 0}, Case{"a=1", 1}, Case{"a=1,b=2", 2}, Case{"a=1 , b=2", 2},
        Case{"fw529a3039@dt=FfAAAAAAAAAAFwAA;1", 1}, Case{"0_-*/z@9=!~ x", 1}, Case{"a= 1", 1},
        Case{std::string(256, 'k') + "=" + std::string(256, 'v'), 1}}) {
    int found = 0;
    EXPECT_TRUE(IsTracestate(value, &found)) << value;
    EXPECT_EQ(found, members) << value;
  }
}

TEST(TraceContextTest, AnythingElseIsNone) {
  for (const std::string& bad :
       {std::string("a"), std::string("a="), std::string("=1"), std::string("A=1"),
        std::string("a=1=2"), std::string("a b=1"), std::string("_a=1"), std::string("a@b@c=1"),
        std::string("a=\x01"), std::string("a=\xC3\xA9"), std::string("a=1\tb"),
        std::string("a=1,b"), std::string(257, 'k') + "=1", "k=" + std::string(257, 'v')}) {
    int found = 0;
    EXPECT_FALSE(IsTracestate(bad, &found)) << bad;
  }
}

}  // namespace
}  // namespace holdfast::policy
