#include "gateway/compression/coding.h"

#include <initializer_list>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::compression {

static void PrintTo(Coding coding, std::ostream* out) { *out << kCodingWords.WordOf(coding); }

namespace {

using enum Coding;

const std::vector<Coding> kOurs = {kZstd, kBrotli, kGzip};

Coding BestOf(std::initializer_list<std::string_view> lines,
              const std::vector<Coding>& ours = kOurs) {
  http::HeaderList fields;
  fields.Add({.name = "Host", .value = "gzip"});
  for (const std::string_view line : lines) fields.Add({.name = "Accept-Encoding", .value = line});
  return Acceptance::Of(fields).Best(ours);
}

TEST(CodingTest, Words) {
  EXPECT_EQ(kCodingWords.WordOf(kGzip), "gzip");
  EXPECT_EQ(kCodingWords.WordOf(kZstd), "zstd");
  EXPECT_EQ(kCodingWords.WordOf(kBrotli), "br");
}

struct Row {
  std::string_view accepts;
  Coding best;  // of zstd, br, gzip
};

void Check(std::initializer_list<Row> rows) {
  for (const Row& row : rows) EXPECT_EQ(BestOf({row.accepts}), row.best) << row.accepts;
}

TEST(CodingTest, OursIsTheOrderAmongThoseLikedBest) {
  Check({
      {"gzip", kGzip},
      {"br", kBrotli},
      {"zstd", kZstd},
      {"gzip, deflate, br, zstd", kZstd},
      {"gzip, deflate, br", kBrotli},
      {"gzip,deflate", kGzip},
      {"deflate", kIdentity},
      {"", kIdentity},
      {"compress, exi, pack200-gzip, dcb, dcz", kIdentity},
      {"GZIP", kGzip},
      {"Br", kBrotli},
      {"x-gzip", kGzip},
      {"X-GZip;q=0.5", kGzip},
      {"x-compress", kIdentity},
  });
}

TEST(CodingTest, WeightsDecideFirst) {
  Check({
      {"gzip;q=1, br;q=0.9", kGzip},
      {"gzip;q=0.8, br;q=0.9, zstd;q=0.1", kBrotli},
      {"gzip;q=0.5, br;q=0.500, zstd;q=.5", kBrotli},
      {"gzip;q=0.001", kGzip},
      {"gzip;q=0.002, zstd;q=0.001", kGzip},
      {"gzip;q=1.000, zstd;q=0.999", kGzip},
      {"gzip ; q=0.5 , zstd ;\tq=0.4", kGzip},
      {"gzip;Q=0.5, zstd;q=0.4", kGzip},
      {"gzip;q=0", kIdentity},
      {"gzip;q=0.000", kIdentity},
      {"gzip;q=0., br;q=1.", kBrotli},
      {"zstd;q=0, br;q=0, gzip", kGzip},
  });
}

TEST(CodingTest, TheStarStandsForWhatIsNotNamed) {
  Check({
      {"*", kZstd},
      {"*;q=0", kIdentity},
      {"*;q=0, gzip", kGzip},
      {"zstd;q=0, *", kBrotli},
      {"*, zstd;q=0, br;q=0", kGzip},
      {"gzip, *;q=0.1", kGzip},
      {"gzip;q=0.1, *", kZstd},
      {"gzip;q=0.1, br;q=0.1, zstd;q=0.1, *", kZstd},
  });
}

TEST(CodingTest, IdentityIsPreferredWhereTheClientSaysSo) {
  Check({
      {"identity", kIdentity},
      {"identity, gzip;q=0.9", kIdentity},
      {"identity;q=0.5, gzip;q=0.4", kIdentity},
      {"identity;q=0.5, gzip;q=0.5", kGzip},
      {"identity;q=0.5, gzip", kGzip},
      {"identity;q=0", kIdentity},
      {"identity;q=0, gzip;q=0.1", kGzip},
      {"identity;q=0, *", kZstd},
      {"gzip;q=0.1, *;q=0.0", kGzip},
      {"*;q=0.5, gzip;q=0.1", kZstd},
  });
}

TEST(CodingTest, MalformedMembersArePassedOver) {
  Check({
      {"gzip;q=2", kIdentity},
      {"gzip;q=1.001", kIdentity},
      {"gzip;q=0.1234", kIdentity},
      {"gzip;q=-1", kIdentity},
      {"gzip;q=", kIdentity},
      {"gzip;q", kIdentity},
      {"gzip;", kIdentity},
      {"gzip;;q=1", kIdentity},
      {"gzip;q=1;x=2", kIdentity},
      {"gzip;level=9", kIdentity},
      {"gzip;q = 1", kIdentity},
      {"gzip;q=\"1\"", kIdentity},
      {"gzip;q=00", kIdentity},
      {"gzip;q=1,0", kGzip},
      {"gzip;q=0x1", kIdentity},
      {"gzip;q=nan", kIdentity},
      {"\"gzip\"", kIdentity},
      {"gzip br", kIdentity},
      {"gzip=1", kIdentity},
      {";q=1", kIdentity},
      {",,;,gzip,,", kGzip},
      {"**, g zip", kIdentity},
      {"zstd;q=9, gzip;q=0.1", kGzip},
      {std::string_view("gz\0ip", 5), kIdentity},
      {"\xff\xfe;q=1, br", kBrotli},
  });
}

TEST(CodingTest, OfSeveralAboutOneCodingTheFirstCounts) {
  Check({
      {"gzip;q=0, gzip", kIdentity},
      {"gzip, x-gzip;q=0", kGzip},
      {"*;q=0, *", kIdentity},
      {"gzip;q=7, gzip;q=0.5", kGzip},
  });
}

TEST(CodingTest, LinesAreReadTogether) {
  EXPECT_EQ(BestOf({"deflate", "br"}), kBrotli);
  EXPECT_EQ(BestOf({"zstd;q=0.1", "br;q=0.5", "gzip"}), kGzip);
  EXPECT_EQ(BestOf({"", "gzip"}), kGzip);
  EXPECT_EQ(BestOf({}), kIdentity);
  EXPECT_EQ(Acceptance().Best(kOurs), kIdentity);
}

TEST(CodingTest, ADroppedFieldIsStillTheClientsWord) {
  http::HeaderList fields;
  fields.Add({.name = "accept-encoding", .value = "br", .dropped = true});
  EXPECT_EQ(Acceptance::Of(fields).Best(kOurs), kBrotli);
}

TEST(CodingTest, OnlyOursAreChosen) {
  EXPECT_EQ(BestOf({"gzip, br, zstd"}, {kGzip}), kGzip);
  EXPECT_EQ(BestOf({"gzip, br, zstd"}, {kGzip, kZstd}), kGzip);
  EXPECT_EQ(BestOf({"br"}, {kGzip}), kIdentity);
  EXPECT_EQ(BestOf({"*"}, {}), kIdentity);
  EXPECT_EQ(BestOf({"gzip"}, {kIdentity, kGzip}), kGzip);
}

TEST(CodingTest, NotMoreThanSoManyMembersAreRead) {
  std::string many;
  for (size_t i = 1; i < Acceptance::kMaxMembers; ++i) many += "a,";
  EXPECT_EQ(BestOf({many + "gzip"}), kGzip);
  EXPECT_EQ(BestOf({many + "a,gzip"}), kIdentity);
  EXPECT_EQ(BestOf({many + "gzip", "zstd"}), kGzip);
}

}  // namespace
}  // namespace holdfast::compression
