#include <algorithm>

#include "gateway/config/address.h"
#include "gateway/config/field.h"
#include "gateway/config/scalar_shapes.h"
#include "gateway/config/schema.h"
#include "gateway/config/text_checks.h"
#include "gateway/policy/rate_limiter.h"

// The table of `shared` of a route's `rate_limit`.

namespace holdfast::config {
namespace {

using policy::SharedLimit;
using Kind = Shape::Kind;

bool IsRedisAddress(std::string_view text) { return ParseEndpoint(text).has_value(); }
constexpr Shape kRedisAddress = {
    .kind = Kind::kText,
    .expected = "host:port such as redis.internal:6379, or unix:/path",
    .check = IsRedisAddress,
};

bool IsCredential(std::string_view text) {
  return !text.empty() && text.size() <= 512 && std::ranges::none_of(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}
constexpr Shape kCredential = {
    .kind = Kind::kText,
    .expected = "a text of 1 to 512 bytes without control characters",
    .check = IsCredential,
};
constexpr Shape kPassword = Secret(kCredential);

constexpr Shape kDatabase = {.kind = Kind::kCount, .min = 0, .max = 65535};
constexpr Shape kSync = {.kind = Kind::kDuration, .min = 10 * kMillisecond, .max = 60 * kSecond};
constexpr Shape kSyncTimeout = {
    .kind = Kind::kDuration, .min = 10 * kMillisecond, .max = 60 * kSecond};

constexpr Key kSharedLimitKeys[] = {
    Field<&SharedLimit::redis>("redis", kRedisAddress,
                               "The Redis by which they tell each other, version 5 or later; in "
                               "clear, so on a network of your own.")
        .Required("redis.internal:6379"),
    Field<&SharedLimit::username>("username", kCredential, "Who asks there.")
        .Otherwise("its default user"),
    Field<&SharedLimit::password>("password", kPassword, "With which password.").Otherwise("none"),
    Field<&SharedLimit::database>("database", kDatabase, "The number of the database there."),
    Field<&SharedLimit::prefix>(
        "prefix", kName,
        "What its keys there begin with; the route's name follows. Gateways share a limit if "
        "redis, database, prefix, password and the route's name are the same."),
    Field<&SharedLimit::sync>("sync", kSync, "How often they tell each other."),
    Field<&SharedLimit::timeout>("timeout", kSyncTimeout,
                                 "How long Redis may take. No request waits for it: without it "
                                 "each gateway keeps the limit by itself."),
};

}  // namespace

constexpr Shape kSharedLimit = OrWords(
    Mapping<SharedLimit>("a mapping such as {redis: \"redis.internal:6379\"}", kSharedLimitKeys),
    kOff);

}  // namespace holdfast::config
