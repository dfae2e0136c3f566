#ifndef HOLDFAST_GATEWAY_SERVER_SPAN_EXPORTER_H_
#define HOLDFAST_GATEWAY_SERVER_SPAN_EXPORTER_H_

#include <cstddef>
#include <optional>
#include <string>
#include <thread>

#include "gateway/config/config.h"
#include "gateway/fetch/client.h"
#include "gateway/server/span_sender.h"
#include "metrics/shard.h"
#include "pool/net/buffer.h"
#include "pool/net/event_loop.h"
#include "pool/net/mailbox.h"
#include "pool/net/random.h"

namespace holdfast::server {

// The thread that sends spans to the collector, so that none of that is a worker's business. Spans
// arrive through its mailbox, and it acknowledges them, so that the senders can bound what waits.
//
// The main thread constructs, configures and destroys it; any thread may call Submit after the
// first Configure. Destruction sends what has arrived, for kLastPatience at the most, and ends the
// thread; what is left then is counted as failed.
class SpanExporter {
 public:
  static constexpr pool::Duration kLastPatience = std::chrono::seconds(2);
  // For a connection to one of the collector's addresses; the next has its own.
  static constexpr pool::Duration kDialTimeout = std::chrono::seconds(2);
  // Of an answer; what is longer counts by its status.
  static constexpr size_t kMaxAnswerBytes = 64 * 1024;

  // `shard` is this one's alone, and outlives it.
  SpanExporter(const pool::Clock* clock, metrics::Shard* shard);
  ~SpanExporter();
  SpanExporter(const SpanExporter&) = delete;
  SpanExporter& operator=(const SpanExporter&) = delete;

  // Requests go there from now on, those that are sent again as well; the one under way stays.
  void Configure(const config::Tracing& tracing, const config::Dns& dns);
  // `done` runs on the exporter's thread, as SpanSender calls it.
  void Submit(SpanSender::Batch spans, SpanSender::Done done);

 private:
  struct Settings {
    config::Tracing tracing;
    config::Dns dns;
    bool operator==(const Settings&) const = default;
  };

  void Post(const std::string& body, fetch::Exchanges::Callback answered);
  void Connect();
  void Tell(const std::string& trouble) const;
  void EndSoon();
  void OnPatienceEnd(pool::TimePoint) { loop_.Stop(); }

  std::optional<Settings> configured_;  // only the main thread uses it
  pool::EventLoop loop_;
  // Only its thread uses these.
  pool::SlabPool slabs_;
  pool::Random random_;
  std::optional<Settings> settings_;
  bool moved_ = false;  // client_ is of earlier settings
  std::optional<fetch::Client> client_;
  SpanSender sender_;
  pool::MemberTimer<SpanExporter, &SpanExporter::OnPatienceEnd> patience_timer_{this};
  pool::Mailbox mailbox_;
  std::thread thread_;
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_SPAN_EXPORTER_H_
