#include "gateway/auth/basic_credentials.h"

#include <string.h>

#include <algorithm>

#include "gateway/auth/base64.h"

namespace holdfast::auth {
namespace {

constexpr std::string_view kScheme = "Basic";

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

std::optional<std::string_view> AuthorizationOf(const http::HeaderList& fields) {
  std::optional<std::string_view> value;
  if (!fields.Has(http::FieldId::kAuthorization)) return value;
  for (const http::HeaderField& field : fields.fields()) {
    if (field.id != http::FieldId::kAuthorization) continue;
    if (value.has_value()) return std::nullopt;
    value = field.value;
  }
  return value;
}

BasicCredentials::~BasicCredentials() { explicit_bzero(bytes_.data(), bytes_.size()); }

bool BasicCredentials::Read(std::string_view authorization) {
  if (authorization.size() > kMaxBytes || authorization.size() <= kScheme.size() ||
      !http::EqualsIgnoreCase(authorization.substr(0, kScheme.size()), kScheme) ||
      authorization[kScheme.size()] != ' ') {
    return false;
  }
  authorization.remove_prefix(kScheme.size());
  authorization.remove_prefix(std::min(authorization.find_first_not_of(' '), authorization.size()));
  const std::optional<size_t> size = DecodeBase64(authorization, bytes_);
  if (!size.has_value()) return false;
  const std::string_view text(bytes_.data(), *size);
  const size_t colon = text.find(':');
  // RFC 7617 section 2. A name that is empty is no user's.
  if (colon == text.npos || colon == 0 || std::any_of(text.begin(), text.end(), IsControl)) {
    return false;
  }
  user_bytes_ = colon;
  bytes_used_ = *size;
  return true;
}

}  // namespace holdfast::auth
