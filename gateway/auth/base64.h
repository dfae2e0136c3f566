#ifndef HOLDFAST_GATEWAY_AUTH_BASE64_H_
#define HOLDFAST_GATEWAY_AUTH_BASE64_H_

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace holdfast::auth {

// Decodes base64 (RFC 4648 section 4), with or without its padding, into the beginning of `out`:
// how many bytes that are. nullopt: they are too many, or the text is none that an encoder writes:
// it has other letters, blanks, half a padding, or bits that are left over (section 3.5). `out` may
// have some of it then. Pure.
//
// Our own, since the library's skips blanks, reads '.' as '=' and drops what is left over: two
// texts for the same bytes. And it leaves copies behind.
std::optional<size_t> DecodeBase64(std::string_view text, std::span<char> out);
// The same of base64url (section 5), which has '-' and '_' for '+' and '/'; without any padding, as
// tokens have it (RFC 7515 section 2).
std::optional<size_t> DecodeBase64Url(std::string_view text, std::span<char> out);

}  // namespace holdfast::auth

#endif  // HOLDFAST_GATEWAY_AUTH_BASE64_H_
