#include "gateway/proxy/websocket_handshake.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "gateway/http/header_list.h"

namespace holdfast::proxy {
namespace {

constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view kKeysAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

http::RequestHead Request(http::Version version, std::string_view protocol = "WebSocket") {
  http::RequestHead head;
  head.version = version;
  head.connection_upgrade = true;
  head.headers.Add({.name = "Upgrade", .value = protocol, .id = http::FieldId::kUpgrade});
  return head;
}

http::ResponseHead Switched(http::Version version, std::string_view accept = {}) {
  http::ResponseHead head;
  head.status = 101;
  head.version = version;
  if (!accept.empty()) head.headers.Add({.name = "sec-websocket-accept", .value = accept});
  return head;
}

class WebSocketHandshakeTest : public testing::Test {
 protected:
  std::string Offer(http::RequestHead* request) {
    handshake_.Offer(&random_, request);
    const http::HeaderField* key = nullptr;
    for (const http::HeaderField& field : request->headers.fields()) {
      if (!field.dropped && http::EqualsIgnoreCase(field.name, "sec-websocket-key")) key = &field;
    }
    return key == nullptr ? "" : std::string(key->value);
  }

  pool::Random random_{1};
  WebSocketHandshake handshake_;
};

// RFC 6455 section 1.3.
TEST_F(WebSocketHandshakeTest, TheProofIsThatOfTheProtocol) {
  EXPECT_EQ(WebSocketAccept(kKey), kKeysAccept);
}

TEST_F(WebSocketHandshakeTest, AClientOfHttp2GetsAKeyThatIsChecked) {
  http::RequestHead request = Request(http::Version::kHttp2);
  request.headers.Add({.name = "sec-websocket-key", .value = kKey});
  const std::string key = Offer(&request);
  EXPECT_EQ(key.size(), kKey.size());
  EXPECT_NE(key, kKey) << "its own says nothing";
  http::RequestHead other = Request(http::Version::kHttp2);
  WebSocketHandshake next;
  next.Offer(&random_, &other);
  EXPECT_NE(other.headers.fields().back().value, key);

  const std::string accept = WebSocketAccept(key);
  http::ResponseHead good = Switched(http::Version::kHttp11, accept);
  EXPECT_TRUE(handshake_.Complete(request, &good));
  http::ResponseHead wrong = Switched(http::Version::kHttp11, kKeysAccept);
  EXPECT_FALSE(handshake_.Complete(request, &wrong));
  http::ResponseHead none = Switched(http::Version::kHttp11);
  EXPECT_FALSE(handshake_.Complete(request, &none));
}

TEST_F(WebSocketHandshakeTest, AClientOfHttp1GetsItsProofFromAnUpstreamOfHttp2) {
  http::RequestHead request = Request(http::Version::kHttp11);
  request.headers.Add({.name = "Sec-WebSocket-Key", .value = kKey});
  EXPECT_EQ(Offer(&request), kKey) << "as it was";
  http::ResponseHead response = Switched(http::Version::kHttp2);
  EXPECT_TRUE(handshake_.Complete(request, &response));
  EXPECT_EQ(response.headers.FindByName("Sec-WebSocket-Accept")->value, kKeysAccept);
}

TEST_F(WebSocketHandshakeTest, WithinOneVersionItIsBetweenTheEnds) {
  http::RequestHead old = Request(http::Version::kHttp11);
  old.headers.Add({.name = "Sec-WebSocket-Key", .value = kKey});
  http::ResponseHead any = Switched(http::Version::kHttp11, "anything");
  EXPECT_TRUE(handshake_.Complete(old, &any));

  http::RequestHead request = Request(http::Version::kHttp2);
  Offer(&request);
  http::ResponseHead response = Switched(http::Version::kHttp2);
  EXPECT_TRUE(handshake_.Complete(request, &response));
  EXPECT_EQ(response.headers.size(), 0u);
}

TEST_F(WebSocketHandshakeTest, OtherProtocolsHaveNone) {
  http::RequestHead request = Request(http::Version::kHttp2, "connect-udp");
  EXPECT_EQ(Offer(&request), "");
  http::ResponseHead response = Switched(http::Version::kHttp11);
  EXPECT_TRUE(handshake_.Complete(request, &response));
}

}  // namespace
}  // namespace holdfast::proxy
