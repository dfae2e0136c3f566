#ifndef HOLDFAST_GATEWAY_GRPC_HEALTH_H_
#define HOLDFAST_GATEWAY_GRPC_HEALTH_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::grpc {

// The one call of the health checking protocol that is made here, grpc.health.v1.Health/Check: its
// messages are a few bytes of protocol buffers, each behind gRPC's prefix of a flag and a length.
// Pure.

inline constexpr std::string_view kHealthPath = "/grpc.health.v1.Health/Check";
// An answer is a few bytes.
inline constexpr size_t kMaxHealthBytes = 1024;

// The body of a request about `service`; empty: about the server as a whole.
std::string HealthRequest(std::string_view service);

// Whether the body of an answer says SERVING. nullopt: it is none.
std::optional<bool> IsServing(std::string_view body);

}  // namespace holdfast::grpc

#endif  // HOLDFAST_GATEWAY_GRPC_HEALTH_H_
