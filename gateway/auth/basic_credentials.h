#ifndef HOLDFAST_GATEWAY_AUTH_BASIC_CREDENTIALS_H_
#define HOLDFAST_GATEWAY_AUTH_BASIC_CREDENTIALS_H_

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "gateway/http/header_list.h"

namespace holdfast::auth {

// The value of the request's Authorization field. nullopt: there is none; or there are several, of
// which another reader may take another one. Pure.
std::optional<std::string_view> AuthorizationOf(const http::HeaderList& fields);

// A user's name and password as a client sends them (RFC 7617). It allocates nothing, and wipes
// both when it is destroyed. One thread; safe on any bytes.
class BasicCredentials {
 public:
  // Of the field's value.
  static constexpr size_t kMaxBytes = 1024;

  BasicCredentials() = default;
  BasicCredentials(const BasicCredentials&) = delete;
  BasicCredentials& operator=(const BasicCredentials&) = delete;
  ~BasicCredentials();

  // `authorization` is a field's value without blanks around it. False: it is of another scheme, or
  // not exactly base64 of a name, a colon and a password, either without control characters. Bytes
  // above 127 stay what they are: clients send UTF-8, as we ask them to.
  [[nodiscard]] bool Read(std::string_view authorization);

  // After a Read that was true. The name is up to the first colon and not empty; the password may
  // be. Neither has a NUL in it.
  std::string_view user() const { return {bytes_.data(), user_bytes_}; }
  std::string_view password() const {
    return {bytes_.data() + user_bytes_ + 1, bytes_used_ - user_bytes_ - 1};
  }

 private:
  std::array<char, kMaxBytes / 4 * 3> bytes_;
  size_t user_bytes_ = 0;
  size_t bytes_used_ = 1;
};

}  // namespace holdfast::auth

#endif  // HOLDFAST_GATEWAY_AUTH_BASIC_CREDENTIALS_H_
