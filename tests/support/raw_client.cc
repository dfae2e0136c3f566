#include "tests/support/raw_client.h"

#include <cstdint>
#include <cstring>

namespace holdfast::support {

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

std::string Pattern(size_t bytes) {
  constexpr uint64_t kSixBits = 0x3f3f3f3f3f3f3f3f;
  constexpr uint64_t kDigitZero = 0x3030303030303030;
  std::string text(bytes + sizeof(uint64_t), ' ');
  uint64_t state = 1;
  for (size_t at = 0; at < bytes; at += sizeof(uint64_t)) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const uint64_t printable = ((state ^ state >> 29) & kSixBits) + kDigitZero;
    std::memcpy(text.data() + at, &printable, sizeof(printable));
  }
  text.resize(bytes);
  return text;
}

}  // namespace holdfast::support
