#ifndef HOLDFAST_GATEWAY_SERVER_MEMORY_GAUGES_H_
#define HOLDFAST_GATEWAY_SERVER_MEMORY_GAUGES_H_

#include "gateway/proxy/context.h"
#include "metrics/shard.h"

namespace holdfast::server {

// What one worker's memory is used for, as far as the worker keeps count of it. The worker's
// thread; `shard` outlives it.
class MemoryGauges {
 public:
  explicit MemoryGauges(metrics::Shard* shard);

  // From time to time, since what takes the memory counts nothing here.
  void Publish(const proxy::WorkerContext& context);

 private:
  metrics::Gauge& buffers_;
  metrics::Gauge& client_sessions_;
  metrics::Gauge& http2_heads_;
  metrics::Gauge& compression_;
  metrics::Gauge& libraries_;
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_MEMORY_GAUGES_H_
