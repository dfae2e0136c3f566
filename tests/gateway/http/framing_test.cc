#include "gateway/http/framing.h"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

TEST(Refusal, HasANameAStatusAndASentenceForEachValue) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kRefusalCount; ++i) {
    const auto refusal = static_cast<Refusal>(i);
    const std::string_view name = RefusalName(refusal);
    EXPECT_TRUE(names.insert(name).second) << name << " names two refusals";
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"),
              std::string_view::npos)
        << name;
    const int status = RefusalStatus(refusal);
    EXPECT_TRUE(std::set({400, 414, 431, 501, 505}).contains(status)) << name;
    EXPECT_TRUE(RefusalText(refusal).ends_with('.')) << name;
  }
}

TEST(Refusal, HasTheStatusOfItsRule) {
  EXPECT_EQ(RefusalStatus(Refusal::kLengthAndEncoding), 400);
  EXPECT_EQ(RefusalStatus(Refusal::kUriTooLong), 414);
  EXPECT_EQ(RefusalStatus(Refusal::kHeadTooLarge), 431);
  EXPECT_EQ(RefusalStatus(Refusal::kTooManyFields), 431);
  EXPECT_EQ(RefusalStatus(Refusal::kUnknownTransferCoding), 501);
  EXPECT_EQ(RefusalStatus(Refusal::kUnsupportedVersion), 505);
}

struct LengthCase {
  std::vector<std::string> values;
  Refusal refusal;
  uint64_t length = 0;
};

TEST(FramingFields, JudgesContentLength) {
  const std::vector<LengthCase> cases = {
      {{"0"}, Refusal::kNone, 0},
      {{"5"}, Refusal::kNone, 5},
      {{"007"}, Refusal::kNone, 7},
      {{"18446744073709551615"}, Refusal::kNone, UINT64_MAX},
      {{"18446744073709551616"}, Refusal::kContentLengthOverflow},
      {{"99999999999999999999"}, Refusal::kContentLengthOverflow},
      {{std::string(200, '9')}, Refusal::kContentLengthOverflow},
      {{"18446744073709551616x"}, Refusal::kMalformedContentLength},
      {{""}, Refusal::kMalformedContentLength},
      {{"+5"}, Refusal::kMalformedContentLength},
      {{"-5"}, Refusal::kMalformedContentLength},
      {{"0x5"}, Refusal::kMalformedContentLength},
      {{"5 5"}, Refusal::kMalformedContentLength},
      {{"5.0"}, Refusal::kMalformedContentLength},
      {{"\xd9\xa5"}, Refusal::kMalformedContentLength},
      {{"5, 5"}, Refusal::kRepeatedContentLength},
      {{"5,6"}, Refusal::kRepeatedContentLength},
      {{"5,"}, Refusal::kRepeatedContentLength},
      {{"5", "5"}, Refusal::kRepeatedContentLength},
      {{"5", "6"}, Refusal::kRepeatedContentLength},
      {{"x", "6"}, Refusal::kRepeatedContentLength},
  };
  for (const LengthCase& c : cases) {
    FramingFields framing;
    for (const std::string& value : c.values) framing.AddContentLength(value);
    EXPECT_EQ(framing.Check(Version::kHttp11), c.refusal) << c.values[0];
    EXPECT_TRUE(framing.has_length());
    if (c.refusal == Refusal::kNone) {
      EXPECT_EQ(framing.length(), c.length);
    }
  }
}

struct EncodingCase {
  std::vector<std::string> values;
  Refusal refusal;
};

TEST(FramingFields, JudgesTransferEncoding) {
  const std::vector<EncodingCase> cases = {
      {{"chunked"}, Refusal::kNone},
      {{"Chunked"}, Refusal::kNone},
      {{"CHUNKED"}, Refusal::kNone},
      {{"chunked, chunked"}, Refusal::kChunkedNotFinal},
      {{"chunked", "chunked"}, Refusal::kChunkedNotFinal},
      {{"chunked, gzip"}, Refusal::kChunkedNotFinal},
      {{"chunked", "identity"}, Refusal::kChunkedNotFinal},
      {{"gzip, chunked, chunked"}, Refusal::kChunkedNotFinal},
      {{"gzip, chunked"}, Refusal::kUnknownTransferCoding},
      {{"gzip", "chunked"}, Refusal::kUnknownTransferCoding},
      {{"gzip"}, Refusal::kUnknownTransferCoding},
      {{"identity"}, Refusal::kUnknownTransferCoding},
      {{"xchunked"}, Refusal::kUnknownTransferCoding},
      {{"chunked1"}, Refusal::kUnknownTransferCoding},
      {{""}, Refusal::kMalformedTransferEncoding},
      {{"", "chunked"}, Refusal::kMalformedTransferEncoding},
      {{"chunked", ""}, Refusal::kMalformedTransferEncoding},
      {{"chunked,"}, Refusal::kMalformedTransferEncoding},
      {{", chunked"}, Refusal::kMalformedTransferEncoding},
      {{"chunked;q=1"}, Refusal::kMalformedTransferEncoding},
      {{"\"chunked\""}, Refusal::kMalformedTransferEncoding},
      {{"chunked foo"}, Refusal::kMalformedTransferEncoding},
      {{"gzip", "chunked;x"}, Refusal::kMalformedTransferEncoding},
  };
  for (const EncodingCase& c : cases) {
    FramingFields framing;
    for (const std::string& value : c.values) framing.AddTransferEncoding(value);
    EXPECT_EQ(framing.Check(Version::kHttp11), c.refusal) << c.values[0];
    EXPECT_EQ(framing.Check(Version::kHttp10), Refusal::kTransferEncodingInHttp10);
  }
}

TEST(FramingFields, RefusesBothWhateverTheySay) {
  for (std::string_view encoding : {"chunked", "identity", ""}) {
    for (std::string_view length : {"0", "5", "x"}) {
      FramingFields framing;
      framing.AddTransferEncoding(encoding);
      framing.AddContentLength(length);
      EXPECT_EQ(framing.Check(Version::kHttp11), Refusal::kLengthAndEncoding);
    }
  }
}

TEST(FramingFields, SaysNothingWithoutFields) {
  FramingFields framing;
  EXPECT_EQ(framing.Check(Version::kHttp11), Refusal::kNone);
  EXPECT_EQ(framing.Check(Version::kHttp10), Refusal::kNone);
  EXPECT_FALSE(framing.chunked());
  EXPECT_FALSE(framing.has_length());
}

}  // namespace
}  // namespace holdfast::http
