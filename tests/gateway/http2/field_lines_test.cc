#include "gateway/http2/field_lines.h"

#include <span>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::http2 {
namespace {

std::string Shown(std::span<const nghttp2_nv> fields) {
  std::string all;
  for (const nghttp2_nv& field : fields) {
    all.append(reinterpret_cast<const char*>(field.name), field.namelen);
    all += "=";
    all.append(reinterpret_cast<const char*>(field.value), field.valuelen);
    all += "\n";
  }
  return all;
}

TEST(FieldLinesTest, AResponse) {
  FieldLines lines;
  EXPECT_EQ(
      Shown(lines.OfResponse("HTTP/1.1 404 Not Found\r\nServer: X: y\r\nSet-Cookie: a\r\n"
                             "Connection: close\r\nTransfer-Encoding: chunked\r\nE: \r\n\r\n")),
      ":status=404\nserver=X: y\nset-cookie=a\ne=\n");
}

TEST(FieldLinesTest, ARequest) {
  FieldLines lines;
  EXPECT_EQ(
      Shown(lines.OfRequest("POST /a?b HTTP/1.1\r\nHost: web.example\r\nX-A: 1\r\n"
                            "TE: trailers\r\nConnection: te\r\n\r\n",
                            "https")),
      ":method=POST\n:scheme=https\n:path=/a?b\n:authority=web.example\nx-a=1\nte=trailers\n");
  EXPECT_EQ(Shown(lines.OfRequest("GET / HTTP/1.1\r\nHost: \r\n\r\n", "http")),
            ":method=GET\n:scheme=http\n:path=/\n");
  EXPECT_EQ(Shown(lines.OfRequest("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", "http")),
            ":method=CONNECT\n:authority=a:1\n");
}

TEST(FieldLinesTest, Trailers) {
  http::HeaderList trailers;
  trailers.Add({"Grpc-Status", "0", http::FieldId::kOther, false});
  trailers.Add({"Content-Length", "5", http::FieldId::kContentLength, true});
  std::string text;
  FieldLines::Write(trailers, &text);
  FieldLines lines;
  EXPECT_EQ(Shown(lines.OfTrailers(text)), "grpc-status=0\n");
  FieldLines::Write(http::HeaderList(), &text);
  EXPECT_EQ(text, "");
}

// The names of those that go into no table.
std::string NeverIndexed(std::span<const nghttp2_nv> fields) {
  std::string names;
  for (const nghttp2_nv& field : fields) {
    if ((field.flags & NGHTTP2_NV_FLAG_NO_INDEX) == 0) continue;
    names.append(reinterpret_cast<const char*>(field.name), field.namelen);
    names += " ";
  }
  return names;
}

TEST(FieldLinesTest, NeverIndexed) {
  http::HeaderList fields;
  fields.Add({.name = "X-Key", .value = "k", .never_indexed = true});
  fields.Add({.name = "X-A", .value = "1"});
  FieldLines lines;
  const std::string head = "HTTP/1.1 200 OK\r\nX-Key: k\r\nX-A: 1\r\n\r\n";
  EXPECT_EQ(NeverIndexed(lines.OfResponse(head, &fields)), "x-key ");
  EXPECT_EQ(NeverIndexed(lines.OfResponse(head)), "");
  const std::string request = "GET / HTTP/1.1\r\nHost: a\r\nX-Key: k\r\nX-A: 1\r\n\r\n";
  EXPECT_EQ(NeverIndexed(lines.OfRequest(request, "http", &fields)), "x-key ");
  EXPECT_EQ(NeverIndexed(lines.OfTunnel(request, "http", &fields)), "x-key ");
  std::string text;
  FieldLines::Write(fields, &text);
  EXPECT_EQ(NeverIndexed(lines.OfTrailers(text)), "x-key ");
  EXPECT_EQ(Shown(lines.OfTrailers(text)), "x-key=k\nx-a=1\n");
}

TEST(FieldLinesTest, ATunnel) {
  FieldLines lines;
  EXPECT_EQ(Shown(lines.OfTunnel("GET /a?b HTTP/1.1\r\nHost: web.example\r\nX-A: 1\r\n"
                                 "Sec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\n"
                                 "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n",
                                 "https")),
            ":method=CONNECT\n:scheme=https\n:path=/a?b\n:authority=web.example\n"
            ":protocol=websocket\nx-a=1\nsec-websocket-version=13\n");
  // The next one is none again.
  EXPECT_EQ(
      Shown(lines.OfRequest("GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key: k\r\n\r\n", "http")),
      ":method=GET\n:scheme=http\n:path=/\n:authority=a\nsec-websocket-key=k\n");
}

}  // namespace
}  // namespace holdfast::http2
