#include "tests/support/raw_client.h"

#include <gtest/gtest.h>

namespace holdfast::support {

RawClient::RawClient(std::string_view address, const ConnectOptions& options, Wire wire)
    : WireSocket(Connect(address, options)) {
  if (wire == Wire::kTls) {
    EXPECT_TRUE(BeginTls(TlsSide::kClient)) << "no TLS with " << address;
  }
}

Message RawClient::Get(std::string_view target, std::string_view lines) {
  return Exchange(GetRequest(target, lines));
}

std::string GetRequest(std::string_view target, std::string_view lines) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: test\r\n" + std::string(lines) + "\r\n";
}

std::string PostRequest(std::string_view target, std::string_view body, std::string_view lines) {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(lines) + "\r\n" + std::string(body);
}

std::string Chunk(std::string_view data) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string size;
  for (size_t rest = data.size(); rest > 0; rest /= 16) size.insert(0, 1, kDigits[rest % 16]);
  return size + "\r\n" + std::string(data) + "\r\n";
}

std::string OkResponse(std::string_view body, std::string_view lines) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(lines) + "\r\n" + std::string(body);
}

}  // namespace holdfast::support
