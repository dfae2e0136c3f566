#ifndef HOLDFAST_GATEWAY_CONFIG_SCALAR_SHAPES_H_
#define HOLDFAST_GATEWAY_CONFIG_SCALAR_SHAPES_H_

#include <cstdint>
#include <string_view>

#include "gateway/config/route.h"
#include "gateway/config/schema.h"
#include "gateway/config/text_checks.h"

// Scalars that several parts of the table (schema_*.cc) use, and those parts.

namespace holdfast::config {

inline constexpr int64_t kMillisecond = 1'000'000;
inline constexpr int64_t kSecond = 1000 * kMillisecond;
inline constexpr int64_t kDay = 86'400 * kSecond;
inline constexpr int64_t kKiB = 1024;
inline constexpr int64_t kMiB = 1024 * kKiB;

inline constexpr std::string_view kOff[] = {"off"};

inline constexpr std::string_view kBooleanWords[] = {"true", "false"};
inline constexpr Shape kBoolean = {.kind = Shape::Kind::kWord, .words = kBooleanWords};
inline constexpr Shape kName = {
    .kind = Shape::Kind::kText,
    .expected = "a name of 1 to 128 printable ASCII characters without quotes and backslashes",
    .check = IsName,
};
inline constexpr Shape kReference = {
    .kind = Shape::Kind::kText, .expected = "a name", .check = IsName};
inline constexpr Shape kDuration = {
    .kind = Shape::Kind::kDuration, .min = kMillisecond, .max = 30 * kDay};
inline constexpr Shape kDurationOrOff = {
    .kind = Shape::Kind::kDuration, .min = kMillisecond, .max = 30 * kDay, .words = kOff};
// Of TCP, whose clock ticks in seconds and fits an int in milliseconds.
inline constexpr Shape kTcpKeepalive = {
    .kind = Shape::Kind::kDuration, .min = kSecond, .max = 9 * 3600 * kSecond, .words = kOff};
inline constexpr Shape kTcpUserTimeout = {
    .kind = Shape::Kind::kDuration, .min = kSecond, .max = kDay, .words = kOff};
inline constexpr std::string_view kTcpKeepaliveHelp =
    "Time without traffic after which a peer is probed; it is given up after twice that time.";
inline constexpr std::string_view kTcpUserTimeoutHelp =
    "How long what was sent may wait for its acknowledgement, or for a peer that reads no more.";
inline constexpr Shape kPeer = {
    .kind = Shape::Kind::kText,
    .expected =
        "an IP address or a network such as 192.0.2.0/24 or 2001:db8::/32, with no bits set "
        "behind the prefix, or unix",
    .check = IsPeer,
};
inline constexpr Shape kPeers = {
    .kind = Shape::Kind::kList, .expected = "a list of networks", .max = 1024, .element = &kPeer};
// Where an empty list would be one of everybody.
inline constexpr Shape kSomePeers = {.kind = Shape::Kind::kList,
                                     .expected = "a list of 1 to 1024 networks",
                                     .min = 1,
                                     .max = 1024,
                                     .element = &kPeer};
inline constexpr Shape kFieldValue = {
    .kind = Shape::Kind::kText,
    .expected = "a field value without control characters and surrounding white space",
    .check = IsFieldValue,
};
// The same text, or {file: PATH} with the path of a file that holds it (secret_files.h).
constexpr Shape OrFile(Shape text) {
  text.may_be_file = true;
  return text;
}
// The same of one that is never shown, wherever it stands.
constexpr Shape Secret(Shape text) {
  text.secret = true;
  return OrFile(text);
}
inline constexpr Shape kSecretFieldValue = OrFile(kFieldValue);
inline constexpr std::string_view kHostWords[] = {kKeepHost, kEndpointHost};
// Of requests, towards an upstream.
inline constexpr Shape kUpstreamHost = {
    .kind = Shape::Kind::kText,
    .expected = "a host such as internal.example or 192.0.2.7:8080",
    .words = kHostWords,
    .check = IsHostField,
};
inline constexpr std::string_view kSystemWords[] = {"system"};
// Of a server that the gateway itself asks something.
inline constexpr Shape kServerAuthorities = {
    .kind = Shape::Kind::kText,
    .expected = "the absolute path of a PEM file",
    .words = kSystemWords,
    .check = IsFilePath,
};
inline constexpr Shape kRequestsPerConnection = {
    .kind = Shape::Kind::kCount, .min = 1, .max = 1'000'000'000, .words = kOff};

extern const Shape kRequestIds;   // schema_ids.cc
extern const Shape kTrace;        // schema_ids.cc
extern const Shape kTracing;      // schema_tracing.cc
extern const Shape kAccessLog;    // schema_access_log.cc
extern const Shape kListenerTls;  // schema_tls.cc
extern const Shape kUpstreamTls;  // schema_tls.cc
extern const Shape kUpstreams;    // schema_upstreams.cc
extern const Shape kMatch;        // schema_match.cc
extern const Shape kJwt;          // schema_jwt.cc
extern const Shape kSharedLimit;  // schema_shared_limit.cc
extern const Shape kRoutes;       // schema_routes.cc

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_SCALAR_SHAPES_H_
