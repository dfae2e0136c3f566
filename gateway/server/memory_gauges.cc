#include "gateway/server/memory_gauges.h"

#include <cstddef>
#include <cstdint>

#include "gateway/proxy/http2_session.h"
#include "gateway/proxy/response_encoding.h"
#include "pool/net/library_memory.h"

namespace holdfast::server {
namespace {

metrics::Gauge& GaugeOf(metrics::Shard* shard, const char* kind) {
  return shard->GaugeFor(metrics::Metric::kMemoryBytes, {kind});
}

void Set(metrics::Gauge& gauge, size_t bytes) { gauge.Set(static_cast<int64_t>(bytes)); }

}  // namespace

MemoryGauges::MemoryGauges(metrics::Shard* shard)
    : buffers_(GaugeOf(shard, "buffers")),
      client_sessions_(GaugeOf(shard, "client_sessions")),
      http2_heads_(GaugeOf(shard, "http2_heads")),
      compression_(GaugeOf(shard, "compression")),
      libraries_(GaugeOf(shard, "libraries")) {}

void MemoryGauges::Publish(const proxy::WorkerContext& context) {
  Set(buffers_, context.slabs->held_bytes());
  Set(client_sessions_, context.http1_sessions.held_bytes());
  Set(http2_heads_, context.http2 != nullptr ? context.http2->heads_bytes : 0);
  Set(compression_, context.encoding != nullptr ? context.encoding->encoders.bytes() : 0);
  Set(libraries_, pool::library_memory::Kept());
}

}  // namespace holdfast::server
