#include "gateway/auth/password_hash.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <absl/strings/str_cat.h>

#include "gateway/auth/base64.h"

namespace holdfast::auth {
namespace {

constexpr std::string_view kExpected = "expected bcrypt (htpasswd -B) or argon2id";
constexpr uint32_t kArgon2Version = 19;

absl::Status Error(const std::string& what) { return absl::InvalidArgumentError(what); }

// A number as it is printed, of the whole text.
bool ReadNumber(std::string_view text, uint32_t* number) {
  if (text.size() > 1 && text[0] == '0') return false;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, *number);
  return error == std::errc() && stop == end;
}

// Takes "NAME=NUMBER" and the letter that ends it.
bool TakeParameter(std::string_view* rest, std::string_view name, char end, uint32_t* number) {
  const size_t size = rest->find(end);
  if (size == rest->npos || !rest->starts_with(name)) return false;
  const bool good = ReadNumber(rest->substr(name.size(), size - name.size()), number);
  rest->remove_prefix(size + 1);
  return good;
}

bool Within(uint32_t number, uint32_t least, uint32_t most) {
  return number >= least && number <= most;
}

std::string OutOfRange(std::string_view what, uint32_t is, uint32_t least, uint32_t most) {
  return absl::StrCat(absl::string_view(what.data(), what.size()), " is ", is, "; expected ", least,
                      " to ", most);
}

bool IsBcryptLetter(char c) {
  return c == '.' || c == '/' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
         (c >= 'a' && c <= 'z');
}

absl::StatusOr<PasswordHash> ParseBcrypt(std::string_view text) {
  constexpr size_t kCostAt = 4;
  const auto is_digit = [text](size_t at) { return text[at] >= '0' && text[at] <= '9'; };
  if (text.size() != PasswordHash::kBcryptSaltBytes + PasswordHash::kBcryptDigestBytes ||
      !is_digit(kCostAt) || !is_digit(kCostAt + 1) || text[kCostAt + 2] != '$' ||
      !std::all_of(text.begin() + kCostAt + 3, text.end(), IsBcryptLetter)) {
    return Error("not a whole hash of bcrypt; expected $2y$, two digits, $ and 53 letters");
  }
  PasswordHash hash;
  hash.cost.rounds = static_cast<uint32_t>((text[kCostAt] - '0') * 10 + text[kCostAt + 1] - '0');
  if (!Within(hash.cost.rounds, PasswordHash::kMinBcryptCost, PasswordHash::kMaxBcryptCost)) {
    return Error(OutOfRange("the cost of bcrypt", hash.cost.rounds, PasswordHash::kMinBcryptCost,
                            PasswordHash::kMaxBcryptCost) +
                 " (htpasswd -B -C 10)");
  }
  hash.text = text;
  hash.salt = text.substr(0, PasswordHash::kBcryptSaltBytes);
  hash.digest = text.substr(PasswordHash::kBcryptSaltBytes);
  return hash;
}

std::optional<std::string> DecodePart(std::string_view text, size_t least) {
  std::array<char, PasswordHash::kMaxPartBytes> bytes;
  const std::optional<size_t> size = DecodeBase64(text, bytes);
  if (!size.has_value() || *size < least) return std::nullopt;
  return std::string(bytes.data(), *size);
}

absl::StatusOr<PasswordHash> ParseArgon2(std::string_view text, size_t prefix,
                                         HashCost::Kind kind) {
  std::string_view rest = text.substr(prefix);
  PasswordHash hash;
  hash.cost.kind = kind;
  uint32_t version = 0;
  const bool good = TakeParameter(&rest, "v=", '$', &version) && version == kArgon2Version &&
                    TakeParameter(&rest, "m=", ',', &hash.cost.memory_kib) &&
                    TakeParameter(&rest, "t=", ',', &hash.cost.rounds) &&
                    TakeParameter(&rest, "p=", '$', &hash.cost.lanes);
  const size_t dollar = rest.find('$');
  std::optional<std::string> salt, digest;
  if (good && dollar != rest.npos) {
    salt = DecodePart(rest.substr(0, dollar), PasswordHash::kMinSaltBytes);
    digest = DecodePart(rest.substr(dollar + 1), PasswordHash::kMinDigestBytes);
  }
  if (!salt.has_value() || !digest.has_value()) {
    return Error("not a whole hash of argon2; expected $argon2id$v=19$m=,t=,p=$salt$digest");
  }
  if (!Within(hash.cost.lanes, 1, PasswordHash::kMaxArgon2Lanes)) {
    return Error(
        OutOfRange("the lanes of argon2 (p)", hash.cost.lanes, 1, PasswordHash::kMaxArgon2Lanes));
  }
  // It has 8 blocks for each lane at least (RFC 9106 section 3.1).
  const uint32_t least = 8 * hash.cost.lanes;
  if (!Within(hash.cost.memory_kib, least, PasswordHash::kMaxArgon2MemoryKib)) {
    return Error(OutOfRange("the memory of argon2 (m, KiB)", hash.cost.memory_kib, least,
                            PasswordHash::kMaxArgon2MemoryKib));
  }
  if (!Within(hash.cost.rounds, 1, PasswordHash::kMaxArgon2Passes)) {
    return Error(OutOfRange("the passes of argon2 (t)", hash.cost.rounds, 1,
                            PasswordHash::kMaxArgon2Passes));
  }
  hash.text = text;
  hash.salt = *std::move(salt);
  hash.digest = *std::move(digest);
  return hash;
}

// Of hashes that are too cheap to guess, or that have better ones of their kind.
constexpr struct {
  std::string_view prefix;
  std::string_view name;
} kRefused[] = {
    {"$apr1$", "MD5 (htpasswd -m)"},
    {"$1$", "MD5"},
    {"{SHA}", "SHA-1 (htpasswd -s)"},
    {"{SSHA}", "SHA-1"},
    {"$5$", "SHA-256"},
    {"$6$", "SHA-512"},
    {"$2x$", "a bcrypt that was wrong"},
    {"$argon2d$", "argon2d"},
};

}  // namespace

absl::StatusOr<PasswordHash> PasswordHash::Parse(std::string_view text) {
  for (const std::string_view prefix : {"$2y$", "$2b$", "$2a$"}) {
    if (text.starts_with(prefix)) return ParseBcrypt(text);
  }
  constexpr std::string_view kArgon2id = "$argon2id$";
  constexpr std::string_view kArgon2i = "$argon2i$";
  if (text.starts_with(kArgon2id)) {
    return ParseArgon2(text, kArgon2id.size(), HashCost::Kind::kArgon2id);
  }
  if (text.starts_with(kArgon2i)) {
    return ParseArgon2(text, kArgon2i.size(), HashCost::Kind::kArgon2i);
  }
  for (const auto& [prefix, name] : kRefused) {
    if (text.starts_with(prefix)) {
      return Error(std::string("hashed with ").append(name).append("; ").append(kExpected));
    }
  }
  return Error(std::string("no hash that is known; ").append(kExpected));
}

PasswordHash PasswordHash::Nobodys() const {
  PasswordHash hash = *this;
  hash.text.clear();
  hash.digest.assign(digest.size(), '\0');
  return hash;
}

}  // namespace holdfast::auth
