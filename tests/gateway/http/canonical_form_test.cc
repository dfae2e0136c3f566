// Strict in, canonical out: what the gateway writes for an accepted message is accepted again and
// says the same. The fuzz targets assert this for whatever they find; here are the shapes known to
// matter.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/http/hop_headers.h"
#include "gateway/http/parser.h"
#include "gateway/http/serializer.h"

namespace holdfast::http {
namespace {

constexpr ForwardedFacts kFacts{
    .client_ip = "192.0.2.1", .trust_client = true, .default_host = "upstream"};

class CanonicalFormTest : public ::testing::Test {
 protected:
  std::string Take() {
    std::string text(buffer_.Linearize(buffer_.size()));
    buffer_.Clear();
    return text;
  }

  pool::SlabPool pool_;
  pool::Buffer buffer_{&pool_};
};

void ExpectSameFacts(const RequestHead& a, const RequestHead& b) {
  EXPECT_EQ(a.method_text, b.method_text);
  EXPECT_EQ(a.path, b.path);
  EXPECT_EQ(a.query, b.query);
  EXPECT_EQ(a.has_query, b.has_query);
  EXPECT_EQ(a.body, b.body);
  EXPECT_EQ(a.content_length, b.content_length);
  EXPECT_EQ(a.connection_upgrade, b.connection_upgrade);
  EXPECT_EQ(a.expect_continue, b.expect_continue);
  EXPECT_EQ(a.authority.empty() ? kFacts.default_host : a.authority, b.authority);
}

TEST_F(CanonicalFormTest, OfARequestSaysTheSame) {
  for (const std::string& bytes : std::vector<std::string>{
           "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
           "GET / HTTP/1.0\r\n\r\n",
           "GET / HTTP/1.3\r\nHost: a\r\nConnection: close\r\n\r\n",
           "PURGE http://[::1]:8080?q HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
           "OPTIONS http://a HTTP/1.1\r\nHost: a:80\r\n\r\n",
           "OPTIONS * HTTP/1.0\r\n\r\n",
           "POST //x?? HTTP/1.1\r\nHost: a\r\nContent-Length: 000\r\nExpect: 100-CONTINUE\r\n\r\n",
           "PUT /a|b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nTE: trailers\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: x, upgrade\r\nX: "
           "y\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nX: \xff\t\x80\r\nX-Forwarded-For: ,\r\nVia:\r\n\r\n",
       }) {
    RequestHead first;
    ASSERT_EQ(RefusalName(ParseRequestHead(bytes, {}, &first)), "none") << bytes;
    ForwardedFacts facts = kFacts;
    facts.te_trailers = DropHopHeaders(&first.headers).te_trailers;
    SerializeRequestHead(first, facts, &buffer_);
    const std::string canonical = Take();

    RequestHead second;
    ASSERT_EQ(RefusalName(ParseRequestHead(canonical, {}, &second)), "none") << canonical;
    ExpectSameFacts(first, second);
    EXPECT_EQ(second.version, Version::kHttp11);
    EXPECT_NE(second.form, TargetForm::kAbsolute);
  }
}

TEST_F(CanonicalFormTest, OfAResponseSaysTheSame) {
  for (const std::string& bytes : std::vector<std::string>{
           "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\n",
           "HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n",
           "HTTP/1.1 200 \xff\r\nTransfer-Encoding: CHUNKED\r\nTrailer: A\r\n\r\n",
           "HTTP/1.1 999 x\r\n\r\n",
           "HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n",
           "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
       }) {
    ResponseHead first;
    ASSERT_EQ(ParseResponseHead(bytes, {}, Method::kGet, &first), Refusal::kNone) << bytes;
    DropHopHeaders(&first.headers);
    SerializeResponseHead(first,
                          {.body = first.body,
                           .content_length = first.content_length,
                           .send_length = first.has_content_length,
                           .upgrade = first.connection_upgrade},
                          "holdfast", &buffer_);
    const std::string canonical = Take();

    ResponseHead second;
    ASSERT_EQ(RefusalName(ParseResponseHead(canonical, {}, Method::kGet, &second)), "none")
        << canonical;
    EXPECT_EQ(first.status, second.status);
    EXPECT_EQ(first.reason, second.reason);
    EXPECT_EQ(first.body, second.body);
    EXPECT_EQ(first.has_content_length, second.has_content_length);
    EXPECT_EQ(first.content_length, second.content_length);
    EXPECT_EQ(first.connection_upgrade, second.connection_upgrade);
  }
}

}  // namespace
}  // namespace holdfast::http
