#include "gateway/compression/head_edits.h"

#include <initializer_list>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

namespace holdfast::compression {
namespace {

using http::BodyKind;
using Fields = std::initializer_list<std::pair<std::string_view, std::string_view>>;

constexpr Decision kEncode = {Outcome::kEncoded, Coding::kGzip, true};
constexpr Decision kKeep = {Outcome::kNotAccepted, Coding::kIdentity, true};

http::HeaderList List(Fields fields) {
  http::HeaderList list;
  for (const auto& [name, value] : fields) {
    list.Add({.name = name, .value = value, .id = http::IdentifyField(name)});
  }
  return list;
}

std::string Lines(const http::HeaderList& list) {
  std::string lines;
  for (const http::HeaderField& field : list.fields()) {
    if (field.dropped) continue;
    lines.append(field.name).append(": ").append(field.value).append("\n");
  }
  return lines;
}

// What is left of the fields.
std::string Edited(const Decision& decision, Fields fields) {
  http::ResponseHead head;
  head.headers = List(fields);
  std::string text = "old";
  EditHead(decision, &head, &text);
  return Lines(head.headers);
}

std::string WithTag(std::string_view tag) { return Edited(kEncode, {{"ETag", tag}}); }

constexpr std::string_view kRest = "Vary: Accept-Encoding\nContent-Encoding: gzip\n";

TEST(HeadEditsTest, AnEncodedBodyHasNoLength) {
  http::ResponseHead head;
  head.status = 200;
  head.body = BodyKind::kLength;
  head.has_content_length = true;
  head.content_length = 5000;
  head.headers = List({{"Content-Type", "text/css"}, {"content-length", "5000"}});
  std::string text;
  EditHead(kEncode, &head, &text);
  EXPECT_EQ(head.body, BodyKind::kChunked);
  EXPECT_FALSE(head.has_content_length);
  EXPECT_EQ(head.content_length, 0u);
  EXPECT_EQ(Lines(head.headers), "Content-Type: text/css\n" + std::string(kRest));
}

TEST(HeadEditsTest, TheAnswerToHeadSaysTheSameAndHasNoBody) {
  http::ResponseHead head;
  head.has_content_length = true;
  head.content_length = 5000;
  head.headers = List({{"ETag", "\"1\""}});
  std::string text;
  EditHead({Outcome::kHead, Coding::kBrotli, true}, &head, &text);
  EXPECT_EQ(head.body, BodyKind::kNone);
  EXPECT_FALSE(head.has_content_length);
  EXPECT_EQ(Lines(head.headers), "ETag: W/\"1\"\nVary: Accept-Encoding\nContent-Encoding: br\n");
}

TEST(HeadEditsTest, WhatIsNotEncodedOnlyVaries) {
  http::ResponseHead head;
  head.body = BodyKind::kLength;
  head.has_content_length = true;
  head.content_length = 10;
  head.headers = List({{"ETag", "\"1\""}, {"Digest", "d"}, {"Accept-Ranges", "bytes"}});
  std::string text;
  EditHead(kKeep, &head, &text);
  EXPECT_EQ(head.body, BodyKind::kLength);
  EXPECT_TRUE(head.has_content_length);
  EXPECT_EQ(head.content_length, 10u);
  EXPECT_EQ(Lines(head.headers),
            "ETag: \"1\"\nDigest: d\nAccept-Ranges: bytes\nVary: Accept-Encoding\n");
  EXPECT_EQ(Edited(Decision{.outcome = Outcome::kType}, {{"ETag", "\"1\""}}), "ETag: \"1\"\n");
}

TEST(HeadEditsTest, EntityTags) {
  const std::string rest(kRest);
  EXPECT_EQ(WithTag("\"abc\""), "ETag: W/\"abc\"\n" + rest);
  EXPECT_EQ(WithTag("\"\""), "ETag: W/\"\"\n" + rest);
  EXPECT_EQ(WithTag("W/\"abc\""), "ETag: W/\"abc\"\n" + rest);
  const std::string lengthy = '"' + std::string(300, 'x') + '"';
  EXPECT_EQ(WithTag(lengthy), "ETag: W/" + lengthy + "\n" + rest);
  for (const std::string_view malformed : {"abc", "\"abc", "abc\"", "\"", "", "w/\"abc\"", "W/abc",
                                           "W/", "\"a\"b\"", "\"a\", \"b\""}) {
    EXPECT_EQ(WithTag(malformed), rest) << malformed;
  }
  EXPECT_EQ(Edited(kEncode, {{"etag", "\"a\""}, {"ETag", "\"b\""}}), "etag: W/\"a\"\n" + rest);
  EXPECT_EQ(Edited(kEncode, {{"etag", "W/\"a\""}, {"ETag", "\"b\""}}), "etag: W/\"a\"\n" + rest);
}

TEST(HeadEditsTest, WhatIsOfOtherBytesGoes) {
  EXPECT_EQ(Edited(kEncode, {{"Accept-Ranges", "bytes"},
                             {"content-md5", "x"},
                             {"Digest", "x"},
                             {"Content-Digest", "x"},
                             {"Repr-Digest", "x"},
                             {"Content-Encoding", "identity"},
                             {"Want-Repr-Digest", "x"},
                             {"Last-Modified", "x"}}),
            "Want-Repr-Digest: x\nLast-Modified: x\n" + std::string(kRest));
}

TEST(HeadEditsTest, Vary) {
  const auto vary = [](Fields fields) { return Edited(kKeep, fields); };
  EXPECT_EQ(vary({}), "Vary: Accept-Encoding\n");
  EXPECT_EQ(vary({{"Vary", "Origin"}}), "Vary: Origin, Accept-Encoding\n");
  EXPECT_EQ(vary({{"vary", "accept, Cookie"}}), "vary: accept, Cookie, Accept-Encoding\n");
  EXPECT_EQ(vary({{"Vary", "accept-encoding"}}), "Vary: accept-encoding\n");
  EXPECT_EQ(vary({{"Vary", "Origin ,ACCEPT-ENCODING"}}), "Vary: Origin ,ACCEPT-ENCODING\n");
  EXPECT_EQ(vary({{"Vary", "*"}}), "Vary: *\n");
  EXPECT_EQ(vary({{"Vary", "Origin, *"}}), "Vary: Origin, *\n");
  EXPECT_EQ(vary({{"Vary", ""}}), "Vary: Accept-Encoding\n");
  EXPECT_EQ(vary({{"Vary", "X-Accept-Encoding"}}), "Vary: X-Accept-Encoding, Accept-Encoding\n");
  EXPECT_EQ(vary({{"Vary", "A"}, {"Vary", "B"}}), "Vary: A\nVary: B, Accept-Encoding\n");
  EXPECT_EQ(vary({{"Vary", "Accept-Encoding"}, {"Vary", "B"}}), "Vary: Accept-Encoding\nVary: B\n");
}

TEST(HeadEditsTest, BothTextsFit) {
  const std::string many(500, 'v');
  EXPECT_EQ(Edited(kEncode, {{"Vary", many}, {"ETag", "\"abc\""}}),
            "Vary: " + many + ", Accept-Encoding\nETag: W/\"abc\"\nContent-Encoding: gzip\n");
}

TEST(HeadEditsTest, DroppedFieldsStayAsTheyAre) {
  http::ResponseHead head;
  head.headers.Add({.name = "Vary", .value = "*", .dropped = true});
  head.headers.Add({.name = "ETag", .value = "\"a\"", .dropped = true});
  head.headers.Add({.name = "ETag", .value = "\"b\""});
  std::string text;
  EditHead(kEncode, &head, &text);
  EXPECT_EQ(Lines(head.headers), "ETag: W/\"b\"\n" + std::string(kRest));
}

TEST(HeadEditsTest, TrailersLoseTheirDigests) {
  http::HeaderList trailers = List({{"Repr-Digest", "x"}, {"Server-Timing", "y"}, {"digest", "z"}});
  EditTrailers(&trailers);
  EXPECT_EQ(Lines(trailers), "Server-Timing: y\n");
}

}  // namespace
}  // namespace holdfast::compression
