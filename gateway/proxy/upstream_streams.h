#ifndef HOLDFAST_GATEWAY_PROXY_UPSTREAM_STREAMS_H_
#define HOLDFAST_GATEWAY_PROXY_UPSTREAM_STREAMS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "gateway/config/config.h"
#include "gateway/http2/client_stream.h"
#include "gateway/http2/limits.h"
#include "gateway/proxy/upstream_call.h"
#include "pool/connection_protocol.h"
#include "pool/net/free_list.h"

namespace holdfast::proxy {

// What heads of responses are held to over HTTP/2, of what an upstream has for HTTP/1.
http2::Limits Http2LimitsFor(uint32_t max_head_bytes, uint32_t max_fields);

// Which protocol is spoken on the connections of a worker's upstreams, and the streams of those
// that have any. HTTP/1.1 needs none of it: its stream is a part of each call.
//
// Loop thread; outlives pools and calls.
class Http2Upstreams final : public pool::ProtocolChoice, public UpstreamStreams {
 public:
  // Both outlive it.
  Http2Upstreams(pool::EventLoop* loop, pool::SlabPool* slabs) : loop_(loop), slabs_(slabs) {}

  // Takes from each upstream what its responses are held to. That holds for connections opened from
  // then on, since peers are told of it at the beginning.
  void Configure(const std::vector<config::Upstream>& upstreams);

  uint32_t ExpectedCapacity(const pool::EndpointKey& key) const override;
  std::unique_ptr<pool::ConnectionProtocol> ProtocolFor(
      const pool::EndpointKey& key, pool::Connection& connection) const override;
  stream::UpstreamStream* Open(pool::Lease& lease, http::Method method,
                               stream::StreamEvents* events) override;

 private:
  pool::EventLoop* loop_;
  pool::SlabPool* slabs_;
  absl::flat_hash_map<std::string, http2::Limits> limits_;  // by upstream; the others': the usual
  mutable pool::FreeList<http2::ClientStream> resting_;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_UPSTREAM_STREAMS_H_
