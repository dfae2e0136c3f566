#ifndef HOLDFAST_GATEWAY_SERVER_SPAN_SENDER_H_
#define HOLDFAST_GATEWAY_SERVER_SPAN_SENDER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <absl/functional/any_invocable.h>

#include "gateway/config/tracing.h"
#include "gateway/fetch/exchanges.h"
#include "gateway/record/span.h"
#include "metrics/shard.h"
#include "pool/net/event_loop.h"
#include "pool/net/random.h"

namespace holdfast::server {

// Makes export requests of spans and sees them through, one after the other: what the collector has
// no time for is sent again after a while, a few times; what it refuses is dropped. Each span is
// counted by what became of it. What waits is bounded by those who add it: they hear when spans are
// done with.
//
// Loop thread; what is given to it outlives it. Destruction calls nothing.
class SpanSender {
 public:
  // Of one request.
  static constexpr int kMaxAttempts = 5;
  // Before the second; each further one is twice as long, give or take a tenth.
  static constexpr pool::Duration kFirstPause = std::chrono::seconds(1);
  // More is not waited, whatever Retry-After says.
  static constexpr pool::Duration kLongestPause = std::chrono::seconds(60);

  using Batch = std::vector<record::Span>;
  using Done = absl::AnyInvocable<void(size_t spans)>;

  struct Callbacks {
    // Posts to the collector of the day, and answers as fetch::Exchanges does.
    std::function<void(const std::string& body, fetch::Exchanges::Callback answered)> post;
    // The first trouble after a time without, or that it is over (empty).
    std::function<void(const std::string& trouble)> tell;
  };

  SpanSender(pool::EventLoop* loop, metrics::Shard* shard, pool::Random* random,
             Callbacks callbacks);
  SpanSender(const SpanSender&) = delete;
  SpanSender& operator=(const SpanSender&) = delete;

  // For requests that are made from now on.
  void Configure(const config::Tracing& tracing);
  // `done` is called once, from the loop or from GiveUp, when the spans are sent or dropped.
  void Add(Batch spans, Done done);
  // From now on nothing waits for others, and what fails is not sent again; `idle` is called from
  // the loop once nothing is left.
  void Hurry(std::function<void()> idle);
  // Drops what is left.
  void GiveUp();

 private:
  enum class State : uint8_t {
    kGathering,  // no request is made
    kPosting,
    kPausing,  // until the request is posted again
  };
  struct Waiting {
    Batch spans;
    Done done;
    pool::TimePoint since;
  };
  struct Debt {
    size_t spans;
    Done done;
  };

  void MoveTo(State next);
  // Makes a request if it is time for one.
  void Continue();
  void Compose();
  void Post();
  void OnAnswer(const fetch::Response& answer);
  void TryAgain(std::optional<pool::Duration> wait, const std::string& trouble);
  void TellTrouble(const std::string& trouble);
  // The request is over.
  void Settle();
  void OnTimer(pool::TimePoint now);
  void OnIdle() { idle_(); }

  pool::EventLoop* loop_;
  pool::Random* random_;
  const Callbacks callbacks_;
  metrics::Counter& sent_;
  metrics::Counter& rejected_;
  metrics::Counter& failed_;
  config::Tracing tracing_;
  State state_ = State::kGathering;
  std::deque<Waiting> waiting_;
  size_t waiting_spans_ = 0;
  // The request at hand.
  std::string body_;
  size_t spans_ = 0;
  std::vector<Debt> debts_;
  int attempts_ = 0;
  bool in_trouble_ = false;
  std::function<void()> idle_;  // not empty: nothing waits
  pool::MemberTask<SpanSender, &SpanSender::OnIdle> idle_task_{this};
  pool::MemberTimer<SpanSender, &SpanSender::OnTimer> timer_{this};
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_SPAN_SENDER_H_
