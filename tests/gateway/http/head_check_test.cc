#include "gateway/http/head_check.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

constexpr size_t kMaxTarget = 64;
constexpr size_t kMaxFields = 3;

TEST(CheckRequestLine, TakesTheLineApart) {
  RequestLine line;
  ASSERT_EQ(CheckRequestLine("PURGE /a?b HTTP/1.0\r\nHost: x\r\n\r\n", kMaxTarget, &line),
            Refusal::kNone);
  EXPECT_EQ(line.method, "PURGE");
  EXPECT_EQ(line.target, "/a?b");
  EXPECT_EQ(line.minor_version, 0);
  EXPECT_EQ(line.bytes, 21u);
  // RFC 9110 section 2.5: a later minor version is understood as 1.1.
  ASSERT_EQ(CheckRequestLine("GET / HTTP/1.9\r\n\r\n", kMaxTarget, &line), Refusal::kNone);
  EXPECT_EQ(line.minor_version, 9);
}

TEST(CheckRequestLine, BoundsTheTarget) {
  RequestLine line;
  const std::string fits = "/" + std::string(kMaxTarget - 1, 'a');
  EXPECT_EQ(CheckRequestLine("GET " + fits + " HTTP/1.1\r\n\r\n", kMaxTarget, &line),
            Refusal::kNone);
  EXPECT_EQ(CheckRequestLine("GET " + fits + "a HTTP/1.1\r\n\r\n", kMaxTarget, &line),
            Refusal::kUriTooLong);
}

TEST(CheckRequestLine, TakesEveryVisibleByteInATargetButTheHash) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const std::string input = std::string("GET /") + c + "x HTTP/1.1\r\n\r\n";
    RequestLine line;
    const Refusal refusal = CheckRequestLine(input, kMaxTarget, &line);
    Refusal expected = Refusal::kTargetBytes;
    if (byte > 0x20 && byte < 0x7f) expected = Refusal::kNone;
    if (c == '#') expected = Refusal::kFragmentInTarget;
    if (c == ' ') expected = Refusal::kMalformedStartLine;
    if (c == '\r') expected = Refusal::kBareCr;
    if (c == '\n') expected = Refusal::kBareLf;
    if (c == '\0') expected = Refusal::kNul;
    EXPECT_EQ(RefusalName(refusal), RefusalName(expected)) << byte;
  }
}

TEST(CheckRequestLine, IsIncompleteWhenItEndsEarly) {
  const std::string_view input = "GET /a HTTP/1.1\r\n";
  RequestLine line;
  for (size_t n = 0; n < input.size(); ++n) {
    const Refusal refusal = CheckRequestLine(input.substr(0, n), kMaxTarget, &line);
    EXPECT_EQ(RefusalName(refusal), "incomplete_head") << n;
  }
  EXPECT_EQ(CheckRequestLine(input, kMaxTarget, &line), Refusal::kNone);
}

TEST(CheckStatusLine, TakesTheLineApart) {
  StatusLine line;
  ASSERT_EQ(CheckStatusLine("HTTP/1.1 404 Not Found\r\n\r\n", &line), Refusal::kNone);
  EXPECT_EQ(line.status, 404);
  EXPECT_EQ(line.minor_version, 1);
  EXPECT_EQ(line.reason, "Not Found");
  EXPECT_EQ(line.bytes, 24u);
}

TEST(CheckStatusLine, TakesAnyReasonAndNone) {
  StatusLine line;
  for (std::string_view reason : {"", " ", " OK", "  two spaces", " na\xc3\xafve\ttab"}) {
    const std::string input = "HTTP/1.0 200" + std::string(reason) + "\r\n\r\n";
    ASSERT_EQ(CheckStatusLine(input, &line), Refusal::kNone) << reason;
    EXPECT_EQ(line.reason, reason.empty() ? reason : reason.substr(1));
    EXPECT_EQ(line.minor_version, 0);
  }
}

TEST(CheckStatusLine, IsIncompleteWhenItEndsEarly) {
  const std::string_view input = "HTTP/1.1 200 OK\r\n";
  StatusLine line;
  for (size_t n = 0; n < input.size(); ++n) {
    EXPECT_EQ(RefusalName(CheckStatusLine(input.substr(0, n), &line)), "incomplete_head") << n;
  }
}

TEST(CheckFieldLines, CountsTheFields) {
  size_t fields = 9;
  EXPECT_EQ(CheckFieldLines("\r\n", kMaxFields, &fields), Refusal::kNone);
  EXPECT_EQ(fields, 0u);
  EXPECT_EQ(CheckFieldLines("A: b\r\nC:\r\nD:\te f \r\n\r\n", kMaxFields, &fields), Refusal::kNone);
  EXPECT_EQ(fields, 3u);
  EXPECT_EQ(CheckFieldLines("A: b\r\nC:\r\nD:\r\nE:\r\n\r\n", kMaxFields, &fields),
            Refusal::kTooManyFields);
}

// The word-wise walk has to find a byte wherever it lies in its word, and whatever lies beside it.
TEST(CheckFieldLines, FindsEveryStrayByteAtEveryPlace) {
  const std::string plain = "abcdefgh ijklmn\topqr\x80\xff~!stuvwxyz";
  for (int byte = 0; byte < 256; ++byte) {
    Refusal expected = Refusal::kControlByte;
    if (byte == '\t' || (byte >= 0x20 && byte != 0x7f)) expected = Refusal::kNone;
    if (byte == '\r') expected = Refusal::kBareCr;
    if (byte == '\n') expected = Refusal::kBareLf;
    if (byte == '\0') expected = Refusal::kNul;
    for (size_t at = 0; at < plain.size(); ++at) {
      std::string value = plain;
      value[at] = static_cast<char>(byte);
      size_t fields = 0;
      const Refusal refusal = CheckFieldLines("A:" + value + "\r\n\r\n", kMaxFields, &fields);
      ASSERT_EQ(RefusalName(refusal), RefusalName(expected)) << byte << " at " << at;
    }
  }
}

TEST(CheckFieldLines, TakesTokenBytesInNamesOnly) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    size_t fields = 0;
    const Refusal refusal =
        CheckFieldLines(std::string("A") + c + "b: v\r\n\r\n", kMaxFields, &fields);
    const bool token = byte > 0x20 && byte < 0x7f &&
                       std::string_view("\"(),/;<=>?@[\\]{}").find(c) == std::string_view::npos;
    Refusal expected = token ? Refusal::kNone : Refusal::kMalformedFieldName;
    if (c == '\r') expected = Refusal::kBareCr;
    if (c == '\n') expected = Refusal::kBareLf;
    if (c == '\0') expected = Refusal::kNul;
    EXPECT_EQ(RefusalName(refusal), RefusalName(expected)) << byte;
  }
}

TEST(CheckFieldLines, IsIncompleteWithoutItsEmptyLineOrWithBytesAfterIt) {
  const std::string_view input = "Name: value\r\nB: c\r\n\r\n";
  size_t fields = 0;
  for (size_t n = 0; n < input.size(); ++n) {
    EXPECT_EQ(RefusalName(CheckFieldLines(input.substr(0, n), kMaxFields, &fields)),
              "incomplete_head")
        << n;
  }
  EXPECT_EQ(CheckFieldLines(std::string(input) + "x", kMaxFields, &fields),
            Refusal::kIncompleteHead);
}

}  // namespace
}  // namespace holdfast::http
