#include "gateway/proxy/upstream_streams.h"

#include "gateway/http2/client_session.h"

namespace holdfast::proxy {

using pool::UpstreamProtocol;

namespace {

// RFC 9113 section 6.5.2 counts 32 bytes more for each field, which is less than as much again for
// all but heads of the shortest fields.
constexpr uint32_t kHeadBytesFactor = 2;

}  // namespace

http2::Limits Http2LimitsFor(uint32_t max_head_bytes, uint32_t max_fields) {
  return {.max_head_bytes = kHeadBytesFactor * max_head_bytes, .max_fields = max_fields};
}

void Http2Upstreams::Configure(const std::vector<config::Upstream>& upstreams) {
  limits_.clear();
  const config::Upstream usual;
  for (const config::Upstream& upstream : upstreams) {
    if (upstream.max_head_bytes == usual.max_head_bytes &&
        upstream.max_header_fields == usual.max_header_fields) {
      continue;
    }
    limits_[upstream.name] = Http2LimitsFor(upstream.max_head_bytes, upstream.max_header_fields);
  }
}

// An upstream of which nothing is known yet is hoped to speak HTTP/2: if it does not, that costs
// one wait, and else it would cost a connection for each of those who wait.
uint32_t Http2Upstreams::ExpectedCapacity(const pool::EndpointKey& key) const {
  const bool h1 = key.protocol == UpstreamProtocol::kH1 ||
                  (key.protocol == UpstreamProtocol::kAuto && key.tls.plain());
  return h1 ? 1 : http2::ClientSession::kAssumedStreams;
}

std::unique_ptr<pool::ConnectionProtocol> Http2Upstreams::ProtocolFor(
    const pool::EndpointKey& key, pool::Connection& connection) const {
  const bool h2 = key.protocol == UpstreamProtocol::kH2 ||
                  (key.protocol == UpstreamProtocol::kAuto &&
                   connection.transport().protocol() == pool::kHttp2Protocol);
  if (!h2) return std::make_unique<pool::ExclusiveProtocol>();
  const auto own = limits_.find(key.upstream);
  return std::make_unique<http2::ClientSession>(
      loop_, slabs_, &connection, own != limits_.end() ? own->second : http2::Limits(), &resting_);
}

stream::UpstreamStream* Http2Upstreams::Open(pool::Lease& lease, http::Method method,
                                             stream::StreamEvents* events) {
  if (lease.exclusive()) return nullptr;
  return static_cast<http2::ClientSession&>(lease.protocol()).Open(method, events);
}

}  // namespace holdfast::proxy
