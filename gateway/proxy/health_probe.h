#ifndef HOLDFAST_GATEWAY_PROXY_HEALTH_PROBE_H_
#define HOLDFAST_GATEWAY_PROXY_HEALTH_PROBE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/config/config.h"
#include "gateway/http/message.h"
#include "gateway/http1/client_stream.h"
#include "gateway/stream/stream.h"
#include "pool/dialer.h"
#include "pool/endpoint_key.h"
#include "pool/net/buffer.h"
#include "pool/net/connection.h"
#include "pool/net/event_loop.h"
#include "pool/net/timer_wheel.h"

namespace holdfast::proxy {

// How one health check ended. Names are label values.
enum class ProbeResult : uint8_t {
  kOk,
  kBadStatus,      // not of the expected range
  kConnectFailed,  // refused, unreachable
  kTimeout,        // not over in time
  kClosed,         // the connection ended before the response did
  kBadResponse,    // not HTTP/1
  kNotMade,        // this process had no descriptor, memory or port for it
};
inline constexpr int kProbeResults = 7;
std::string_view ProbeResultName(ProbeResult result);

// Checks one endpoint, once for each Start: a GET whose response is read to its end (64 KiB of body
// at the most), or a connection opened and closed. The connection is kept for the next check as
// long as HTTP allows; a kept one that turns out dead costs nothing but a second attempt on a fresh
// one.
//
// Main thread; `loop`, `slabs` and `dialer` outlive it. Destruction closes the connection and calls
// nothing.
class HealthProbe final : private pool::ConnectionEvents,
                          private stream::StreamEvents,
                          private pool::DialEvents {
 public:
  // A longer body is not read, and its connection not kept; the status counts all the same.
  static constexpr uint64_t kMaxBodyBytes = 64 * 1024;

  // Called from the loop, once for each Start and never within it. It may call Start, but not
  // destroy the probe.
  using OnResult = std::function<void(ProbeResult)>;

  // `keep`: the connection may be kept between checks.
  HealthProbe(pool::EventLoop* loop, pool::SlabPool* slabs, pool::Dialer* dialer,
              pool::EndpointKey key, bool keep, OnResult on_result);
  ~HealthProbe() = default;
  HealthProbe(const HealthProbe&) = delete;
  HealthProbe& operator=(const HealthProbe&) = delete;

  // Begins a check; none is under way. `host` is what to send where `check` names no host.
  void Start(const config::HealthCheck& check, std::string_view host);
  bool running() const { return state_ != State::kAtRest; }
  // Of the last response.
  int status() const { return status_; }

 private:
  enum class State : uint8_t {
    kAtRest,  // with or without a kept connection
    kConnecting,
    kAwaitingHead,
    kReadingBody,
    kDone,  // result_ is about to be told
  };

  void OnConnectionReady() override;
  void OnStreamReady() override;
  void MoveTo(State next);
  void Connect();
  void OnDialSlow() override {}  // It has its timeout.
  void OnDialed(std::unique_ptr<pool::Connection> connection) override;
  void OnDialFailed(pool::CheckoutResult result) override;
  void Send();
  void ReadHead();
  void ReadBody();
  // `whole`: the response was read to its end.
  void Conclude(bool whole);
  void OnBroken();
  void Finish(ProbeResult result);
  void Tell();
  void OnTimeout(pool::TimePoint now);

  pool::EventLoop* loop_;
  pool::Dialer* dialer_;
  const pool::EndpointKey key_;
  const bool keep_;
  OnResult on_result_;

  State state_ = State::kAtRest;
  ProbeResult result_ = ProbeResult::kOk;
  config::HealthCheck check_;
  std::string request_;
  std::unique_ptr<pool::DialAttempt> attempt_;  // while connecting
  std::unique_ptr<pool::Connection> connection_;
  bool reused_ = false;    // connection_ was kept from a check before
  int informational_ = 0;  // interim responses so far
  int status_ = 0;
  bool status_good_ = false;
  uint64_t body_bytes_ = 0;
  http::ResponseHead head_;
  http1::ClientStream stream_;
  pool::MemberTask<HealthProbe, &HealthProbe::Tell> tell_task_{this};
  pool::MemberTimer<HealthProbe, &HealthProbe::OnTimeout> timeout_timer_{this};
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_HEALTH_PROBE_H_
