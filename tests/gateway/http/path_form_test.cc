#include "gateway/http/path_form.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/support/allocation_counter.h"

namespace holdfast::http {
namespace {

using ParameterEnd = PathForm::ParameterEnd;

PathForm Read(std::string_view path) {
  PathForm form;
  EXPECT_EQ(form.Read(path), PathDoubt::kNone) << path;
  return form;
}

std::string Matched(std::string_view path) { return std::string(Read(path).matched()); }
std::string Resolved(std::string_view path) { return std::string(Read(path).resolved()); }
PathDoubt DoubtOf(std::string_view path) { return PathForm().Read(path); }

std::string Liberal(std::string_view path, size_t kept = 0,
                    ParameterEnd end = ParameterEnd::kAnySeparator) {
  PathForm form = Read(path);
  EXPECT_EQ(form.ReadLiberally(kept, end), PathDoubt::kNone) << path;
  return std::string(form.liberal());
}

PathDoubt LiberalDoubt(std::string_view path) {
  PathForm form = Read(path);
  return form.ReadLiberally(0, ParameterEnd::kAnySeparator);
}

TEST(PathFormTest, AnOrdinaryPathIsItsOwnFormAndCostsNoAllocation) {
  for (const std::string_view path : {"/", "/a", "/a/", "/a/b.html", "/a.b/c-d_e~f", "/v1/x:cancel",
                                      "/a,b=c&d+e!f$g'h(i)*j@k", "/a..b/c..d"}) {
    PathForm form;
    const uint64_t before = support::AllocationCount();
    EXPECT_EQ(form.Read(path), PathDoubt::kNone);
    EXPECT_EQ(support::AllocationCount(), before) << path;
    EXPECT_EQ(form.received(), path);
    EXPECT_EQ(form.resolved(), path);
    EXPECT_EQ(form.matched(), path);
    EXPECT_FALSE(form.must_be_resolved());
    EXPECT_FALSE(form.has_other_readings());
  }
}

TEST(PathFormTest, DotSegmentsAreResolvedAsRfc3986Does) {
  EXPECT_EQ(Resolved("/a/b/c/./../../g"), "/a/g");
  EXPECT_EQ(Resolved("/x/../admin"), "/admin");
  EXPECT_EQ(Resolved("/../../admin"), "/admin");
  EXPECT_EQ(Resolved("/./admin"), "/admin");
  EXPECT_EQ(Resolved("/admin/."), "/admin/");
  EXPECT_EQ(Resolved("/admin/x/.."), "/admin/");
  EXPECT_EQ(Resolved("/.."), "/");
  EXPECT_EQ(Resolved("/."), "/");
  EXPECT_EQ(Resolved("/x/%2e%2E/a"), "/a");
  EXPECT_EQ(Resolved("/x/.%2E/a/%2e"), "/a/");
  EXPECT_EQ(Resolved("/.../a/..b/.c"), "/.../a/..b/.c");
}

TEST(PathFormTest, EmptySegmentsAreMergedBeforeDotSegmentsAreResolved) {
  EXPECT_EQ(Resolved("//admin"), "/admin");
  EXPECT_EQ(Resolved("/a///b//"), "/a/b/");
  EXPECT_EQ(Resolved("/x//..//../admin/secret"), "/admin/secret");
  EXPECT_EQ(Resolved("//"), "/");
}

TEST(PathFormTest, ResolvingDecodesUnreservedBytesAloneAndMatchingTheRest) {
  EXPECT_EQ(Resolved("/%61%2d%7E/x%2Bc%c3%a9%20%2f"), "/a-~/x%2Bc%c3%a9%20%2f");
  EXPECT_EQ(Matched("/%61%2d%7E/x%2Bc%c3%a9%20%2f"), "/a-~/x+c%C3%A9%20%2F");
  EXPECT_EQ(Matched("/a%21%40%3a"), "/a!@:");
  // What is no byte of a path has its escape for a spelling, what divides has two meanings.
  EXPECT_EQ(Matched("/{a}|\"^`<>[]\\"), "/%7Ba%7D%7C%22%5E%60%3C%3E%5B%5D%5C");
  EXPECT_EQ(Matched("/a;b%3bc%3B"), "/a;b%3Bc%3B");
  EXPECT_EQ(Matched("/100%25"), "/100%25");
}

TEST(PathFormTest, WhatReadersCannotAgreeOnIsNoPath) {
  for (const std::string_view path : {"/%", "/a%2", "/%zz", "/%2x", "/%%32%65", "/a%u002fb"}) {
    EXPECT_EQ(DoubtOf(path), PathDoubt::kMalformedEscape) << path;
  }
  EXPECT_EQ(DoubtOf("/admin%00"), PathDoubt::kNul);
  EXPECT_EQ(DoubtOf("/%00/../a"), PathDoubt::kNul);
  EXPECT_EQ(DoubtOf("/\\host/a"), PathDoubt::kHiddenAuthority);
  EXPECT_EQ(DoubtOf("/./\\host/a"), PathDoubt::kHiddenAuthority);
}

TEST(PathFormTest, WhatWasResolvedMustNotGoOnAsItCame) {
  for (const std::string_view path : {"//a", "/a/../b", "/a/.", "/%2e/b", "///"}) {
    EXPECT_TRUE(Read(path).must_be_resolved()) << path;
  }
  for (const std::string_view path : {"/a//b", "/%61", "/a%2Fb", "/.well-known/x", "/a;b"}) {
    EXPECT_FALSE(Read(path).must_be_resolved()) << path;
  }
}

TEST(PathFormTest, TheLiberalReadingTakesMoreForASeparator) {
  EXPECT_EQ(Liberal("/admin%2fsecret"), "/admin/secret");
  EXPECT_EQ(Liberal("/admin%5csecret"), "/admin/secret");
  EXPECT_EQ(Liberal("/admin\\secret"), "/admin/secret");
  EXPECT_EQ(Liberal("/%2fadmin"), "/admin");
  EXPECT_EQ(Liberal("/a%2f%5C/b"), "/a/b");
  EXPECT_EQ(Liberal("/a%2f"), "/a/");
}

TEST(PathFormTest, TheLiberalReadingDecodesAgainAndAgain) {
  EXPECT_EQ(Liberal("/%2561dmin"), "/admin");
  EXPECT_EQ(Liberal("/%25252561dmin"), "/admin");
  EXPECT_EQ(Liberal("/%25%36%31dmin"), "/admin");
  EXPECT_EQ(Liberal("/admin%252fsecret"), "/admin/secret");
  EXPECT_EQ(Liberal("/100%25"), "/100%25");
  EXPECT_EQ(Liberal("/100%2525zz"), "/100%25zz");
}

TEST(PathFormTest, TheLiberalReadingTakesOverlongUtf8) {
  EXPECT_EQ(Liberal("/admin%c0%afsecret"), "/admin/secret");
  EXPECT_EQ(Liberal("/admin%e0%80%afsecret"), "/admin/secret");
  EXPECT_EQ(Liberal("/admin%f0%80%80%afsecret"), "/admin/secret");
  EXPECT_EQ(Liberal("/admin%c1%9csecret"), "/admin/secret");
  EXPECT_EQ(Liberal("/%c1%a1dmin"), "/admin");
  EXPECT_EQ(LiberalDoubt("/x/%c0%ae%c0%ae/admin"), PathDoubt::kHiddenDotSegment);
  EXPECT_EQ(Liberal("/caf%C3%A9/%e2%82%ac/%f0%9f%98%80"), "/caf%C3%A9/%E2%82%AC/%F0%9F%98%80");
}

TEST(PathFormTest, TheLiberalReadingIsSpelledAsRoutesAre) {
  EXPECT_EQ(Liberal("/caf%25c3%25a9;x/s"), MatchedForm("/caf\xC3\xA9/s"));
  EXPECT_EQ(Liberal("/a%2520b%2f{c}|d"), MatchedForm("/a%20b/%7Bc%7D%7Cd"));
}

TEST(PathFormTest, TheLiberalReadingDropsParametersAndWhatIsBehindThePath) {
  EXPECT_EQ(Liberal("/admin;x=1/secret"), "/admin/secret");
  EXPECT_EQ(Liberal("/;x/admin"), "/admin");
  EXPECT_EQ(Liberal("/admin;x"), "/admin");
  EXPECT_EQ(Liberal("/admin%3Bx"), "/admin");
  EXPECT_EQ(Liberal("/admin%3Fx/y"), "/admin");
  EXPECT_EQ(Liberal("/admin%23x"), "/admin");
  EXPECT_EQ(Liberal("/admin%2500.png"), "/admin");
  EXPECT_EQ(Liberal("/a;x%2fb/c"), "/a/b/c");
  EXPECT_EQ(Liberal("/a;x%2fb/c", 0, ParameterEnd::kSlash), "/a/c");
}

TEST(PathFormTest, ParametersAloneMakeTwoLiberalReadings) {
  for (const std::string_view path : {"/a;b", "/a%3Bb", "/a%253B"}) {
    PathForm form = Read(path);
    form.ReadLiberally(0, ParameterEnd::kSlash);
    EXPECT_TRUE(form.has_parameters()) << path;
  }
  PathForm form = Read("/caf%C3%A9%2f%20.%3F");
  form.ReadLiberally(0, ParameterEnd::kSlash);
  EXPECT_FALSE(form.has_parameters());
}

TEST(PathFormTest, TheLiberalReadingDropsTrailingBlanksAndDots) {
  EXPECT_EQ(Liberal("/admin%20"), "/admin");
  EXPECT_EQ(Liberal("/admin%20/secret"), "/admin/secret");
  EXPECT_EQ(Liberal("/admin./secret"), "/admin/secret");
  EXPECT_EQ(Liberal("/admin.%20.%09;x/secret"), "/admin/secret");
  EXPECT_EQ(Liberal("/a/.../b"), "/a/.../b");
}

TEST(PathFormTest, ADotSegmentThatOnlySomeSeeIsRefused) {
  for (const std::string_view path :
       {"/x/..;/admin", "/x/..;a=b/admin", "/x%2f..%2fadmin", "/x/..%2fadmin", "/x%5c..%5cadmin",
        "/x\\..\\admin", "/x/%252e%252e/admin", "/x/%252e%252e%252fadmin", "/x/..%20/admin",
        "/x/..%2500/admin", "/x/..%3Fy/admin", "/x/.%20./admin", "/x/%20.%2e/admin", "/a;b%2f..",
        "/a%3Fb%2f..%2fadmin", "/.;/admin", "/..%5c"}) {
    EXPECT_EQ(LiberalDoubt(path), PathDoubt::kHiddenDotSegment) << path;
  }
}

TEST(PathFormTest, AParameterThatMayEndInSeveralPlacesIsRefused) {
  for (const std::string_view path :
       {"/;a%2fb\\c", "/;a%2fb/;c%5cd", "/x;a%2fb%252fc", "/a;b%2f..%2f..%2fadmin", "/;%3Fx/admin",
        "/;%23", "/a;%2500"}) {
    EXPECT_EQ(LiberalDoubt(path), PathDoubt::kUnclearParameter) << path;
  }
  EXPECT_EQ(LiberalDoubt("/;a%2fb/c%2fd\\e;f"), PathDoubt::kNone);
}

TEST(PathFormTest, TheRoutesOwnPathIsTakenAsItIs) {
  EXPECT_EQ(Liberal("/a;b/c;d", 4), "/a;b/c");
  EXPECT_EQ(Liberal("/a;b/c;d", 5), "/a;b/c");
  EXPECT_EQ(Liberal("/a%2Fb", 6), "/a%2Fb");
  EXPECT_EQ(Liberal("/a%2Fb%2Fc", 6), "/a%2Fb/c");
  EXPECT_EQ(Liberal("/a.b./c", 5), "/a.b./c");
  EXPECT_EQ(Liberal("/adm;in", 4), "/adm");
}

TEST(PathFormTest, RoutesPathsHaveTheMatchedForm) {
  EXPECT_EQ(MatchedForm("/%61dmin/%c3%a9"), "/admin/%C3%A9");
  EXPECT_EQ(MatchedForm("/a//b/../c/"), "/a/c/");
  EXPECT_EQ(MatchedForm("/a/."), "/a/");
  EXPECT_EQ(MatchedForm("/a/.."), "/");
  EXPECT_EQ(MatchedForm("/.."), "/");
  EXPECT_EQ(MatchedForm("/a/"), "/a/");
  EXPECT_EQ(MatchedForm("/"), "/");
  EXPECT_EQ(MatchedForm("/a%0"), std::nullopt);
  EXPECT_EQ(MatchedForm("/a%00"), std::nullopt);
}

TEST(PathFormTest, SpelledBytesFindsTheEndOfWhatWasMatched) {
  const auto rest = [](std::string_view path, std::string_view matched) {
    return path.substr(SpelledBytes(path, matched.size()));
  };
  EXPECT_EQ(rest("/old/a", "/old/"), "a");
  EXPECT_EQ(rest("/%6fld/%2561", "/old/"), "%2561");
  EXPECT_EQ(rest("/a%21/b", "/a!/"), "b");
  EXPECT_EQ(rest("/{x}/b", "/%7Bx%7D/"), "b");
  EXPECT_EQ(rest("/a//b//c", "/a/b/"), "/c");
  EXPECT_EQ(rest("/a", "/a/b"), "");
}

TEST(PathFormTest, ALongPathIsReadOnce) {
  std::string nested = "/";
  for (int i = 0; i < 20'000; ++i) nested += "%25";
  EXPECT_EQ(Liberal(nested + "41"), nested.substr(0, nested.size() - 3) + "A");
  std::string deep = "/";
  for (int i = 0; i < 20'000; ++i) deep += "25";
  EXPECT_EQ(Liberal("/%" + deep.substr(1) + "2561"), "/a");
}

TEST(PathFormTest, ClearForgetsThePath) {
  PathForm form = Read("/a/../b%2Fc");
  form.Clear();
  EXPECT_EQ(form.received(), "");
  EXPECT_EQ(form.matched(), "");
  EXPECT_FALSE(form.must_be_resolved());
}

TEST(PathFormTest, ByteForByteThereIsOneForm) {
  constexpr PathPolicy kBytes = {.normalize = PathNormalization::kOff};
  for (const std::string_view path :
       {"/", "/x/../y", "//x", "/%", "/%zz", "/%00", "/a%2fb", "/..;/x", "/\\x", "/%252e"}) {
    PathForm form;
    EXPECT_EQ(form.Read(path, kBytes), PathDoubt::kNone) << path;
    EXPECT_EQ(form.matched(), path);
    EXPECT_EQ(form.resolved(), path);
    EXPECT_FALSE(form.must_be_resolved());
    EXPECT_FALSE(form.has_other_readings());
  }
}

TEST(PathFormTest, RunsOfSlashesAreToBeResolvedWhereTheyAreMerged) {
  constexpr PathPolicy kMerging = {.normalize = PathNormalization::kMergeSlashes};
  PathForm form;
  EXPECT_EQ(form.Read("/a//b", kMerging), PathDoubt::kNone);
  EXPECT_TRUE(form.must_be_resolved());
  EXPECT_EQ(form.resolved(), "/a/b");
  EXPECT_EQ(form.Read("/a%20b", kMerging), PathDoubt::kNone);
  EXPECT_FALSE(form.must_be_resolved());
  EXPECT_EQ(form.Read("/a//b"), PathDoubt::kNone);
  EXPECT_FALSE(form.must_be_resolved());
}

TEST(PathFormTest, AnEscapedSlashIsFoundInEitherCaseAndNowhereElse) {
  constexpr PathPolicy kNone = {.encoded_slash = EncodedSlash::kReject};
  for (const std::string_view path : {"/%2f", "/a%2Fb", "/a/%2F", "/%2e%2f", "/%%2F", "/%2%2F"}) {
    EXPECT_EQ(PathForm().Read(path, kNone), PathDoubt::kEncodedSlash) << path;
  }
  for (const std::string_view path : {"/2f", "/%252f", "/%5c", "/%20", "/a/b"}) {
    EXPECT_EQ(PathForm().Read(path, kNone), PathDoubt::kNone) << path;
  }
  EXPECT_EQ(PathForm().Read("/%2", kNone), PathDoubt::kMalformedEscape);
}

TEST(PathFormTest, SlashesAreMergedUpToTheQuery) {
  const auto merged = [](std::string target) {
    MergeSlashes(&target);
    return target;
  };
  EXPECT_EQ(merged("///a//b/"), "/a/b/");
  EXPECT_EQ(merged("/a//?b//c"), "/a/?b//c");
  EXPECT_EQ(merged("/"), "/");
  EXPECT_EQ(merged("//"), "/");
  EXPECT_EQ(merged(""), "");
}

}  // namespace
}  // namespace holdfast::http
