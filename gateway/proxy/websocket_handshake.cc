#include "gateway/proxy/websocket_handshake.h"

#include <cstdint>
#include <cstring>

#include <absl/strings/escaping.h>

#include "gateway/http/header_list.h"
#include "pool/tls/digest.h"

namespace holdfast::proxy {
namespace {

constexpr std::string_view kKey = "Sec-WebSocket-Key";
constexpr std::string_view kAccept = "Sec-WebSocket-Accept";
constexpr std::string_view kProtocol = "websocket";
// RFC 6455 section 1.3.
constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

bool AsksForWebSocket(const http::RequestHead& request) {
  const http::HeaderField* const upgrade = request.headers.Find(http::FieldId::kUpgrade);
  return request.connection_upgrade && upgrade != nullptr &&
         http::EqualsIgnoreCase(upgrade->value, kProtocol);
}

std::string Base64(std::string_view bytes) {
  return absl::Base64Escape(absl::string_view(bytes.data(), bytes.size()));
}

// 16 bytes; they need not be secret.
std::string NewKey(pool::Random* random) {
  const uint64_t bits[] = {random->Next(), random->Next()};
  std::string bytes(sizeof bits, '\0');
  std::memcpy(bytes.data(), bits, sizeof bits);
  return Base64(bytes);
}

}  // namespace

std::string WebSocketAccept(std::string_view key) {
  std::string text(key);
  text += kGuid;
  return Base64(pool::Sha1(text));
}

void WebSocketHandshake::Offer(pool::Random* random, http::RequestHead* request) {
  if (request->version != http::Version::kHttp2 || !AsksForWebSocket(*request)) return;
  for (http::HeaderField& field : request->headers.fields()) {
    field.dropped |= http::EqualsIgnoreCase(field.name, kKey);
  }
  key_ = NewKey(random);
  request->headers.Add({.name = kKey, .value = key_});
}

bool WebSocketHandshake::Complete(const http::RequestHead& request, http::ResponseHead* response) {
  if (!AsksForWebSocket(request)) return true;
  if (response->version != http::Version::kHttp2) {
    if (key_.empty()) return true;  // It is between the client and the upstream.
    const http::HeaderField* const accept = response->headers.FindByName(kAccept);
    return accept != nullptr && accept->value == WebSocketAccept(key_);
  }
  const http::HeaderField* const key = request.headers.FindByName(kKey);
  if (request.version == http::Version::kHttp2 || key == nullptr) return true;
  accept_ = WebSocketAccept(key->value);
  response->headers.Add({.name = kAccept, .value = accept_});
  return true;
}

void WebSocketHandshake::Forget() {
  key_ = std::string();
  accept_ = std::string();
}

}  // namespace holdfast::proxy
