#ifndef HOLDFAST_GATEWAY_PROXY_HEALTH_PROBE_H_
#define HOLDFAST_GATEWAY_PROXY_HEALTH_PROBE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/config/config.h"
#include "gateway/grpc/status.h"
#include "gateway/http/message.h"
#include "gateway/http1/client_stream.h"
#include "gateway/http2/client_session.h"
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
  kBadStatus,      // not of the expected range, or of gRPC and not ok
  kNotServing,     // so says the server itself, as gRPC's do
  kConnectFailed,  // refused, unreachable
  kTlsFailed,      // the handshake did, or was not over in time
  kTimeout,        // not over in time
  kClosed,         // the connection ended before the response did
  kBadResponse,    // not the HTTP that was asked for
  kNotMade,        // this process had no descriptor, memory or port for it
};
inline constexpr int kProbeResults = 9;
std::string_view ProbeResultName(ProbeResult result);

// Checks one endpoint, once for each Start: a GET whose response is read to its end (64 KiB of body
// at the most), a call of grpc.health.v1, or a connection opened and closed. The connection is kept
// for the next check as long as HTTP/1.1 allows; a kept one that turns out dead costs nothing but a
// second attempt on a fresh one. Where HTTP/2 is spoken, none is kept.
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

  // What heads of responses are held to.
  struct Limits {
    uint32_t head_bytes = 32 * 1024;
    uint32_t fields = 100;

    bool operator==(const Limits&) const = default;
  };

  // `keep`: the connection may be kept between checks.
  HealthProbe(pool::EventLoop* loop, pool::SlabPool* slabs, pool::Dialer* dialer,
              pool::EndpointKey key, bool keep, const Limits& limits, OnResult on_result);
  ~HealthProbe();
  HealthProbe(const HealthProbe&) = delete;
  HealthProbe& operator=(const HealthProbe&) = delete;

  // Begins a check; none is under way. `host` is what to send where `check` names no host.
  void Start(const config::HealthCheck& check, std::string_view host);
  bool running() const { return state_ != State::kAtRest; }
  // Of the last response; `grpc_status` if it was gRPC's.
  int status() const { return status_; }
  std::optional<grpc::Status> grpc_status() const { return grpc_status_; }
  // With kTlsFailed: over what.
  std::string_view failure() const { return failure_; }

 private:
  enum class State : uint8_t {
    kAtRest,  // with or without a kept connection
    kConnecting,
    kAwaitingHead,
    kReadingBody,
    kDone,  // result_ is about to be told
  };

  // What HTTP/2 needs, destroyed as a whole: some of it may be on the stack.
  struct Http2 {
    pool::FreeList<http2::ClientStream> resting;
    std::unique_ptr<pool::Connection> connection;
    std::unique_ptr<http2::ClientSession> session;
  };

  void OnConnectionReady() override;
  void OnStreamReady() override;
  void MoveTo(State next);
  void Connect();
  void OnDialSlow() override {}  // It has its timeout.
  void OnDialed(std::unique_ptr<pool::Connection> connection) override;
  void OnDialFailed(pool::CheckoutFailure failure) override;
  void Send();
  void SendOverHttp2();
  pool::Connection& connection() { return http2_ != nullptr ? *http2_->connection : *connection_; }
  pool::ReuseFacts EndStream() { return std::exchange(stream_, nullptr)->Finish(); }
  void DropConnection();
  void ReadHead();
  void ReadBody();
  // `whole`: the response was read to its end.
  void Conclude(bool whole);
  ProbeResult Verdict(bool whole);
  ProbeResult GrpcVerdict(bool whole);
  void OnBroken();
  void FailHandshake(std::string_view word);
  void Finish(ProbeResult result);
  void Tell();
  void OnTimeout(pool::TimePoint now);

  pool::EventLoop* loop_;
  pool::Dialer* dialer_;
  pool::SlabPool* slabs_;
  const pool::EndpointKey key_;
  const bool keep_;
  const Limits limits_;
  OnResult on_result_;

  State state_ = State::kAtRest;
  ProbeResult result_ = ProbeResult::kOk;
  config::HealthCheck check_;
  std::string request_;
  std::string body_;  // of a call of gRPC: the request's, then the response's
  std::unique_ptr<pool::DialAttempt> attempt_;  // while connecting
  std::unique_ptr<pool::Connection> connection_;
  bool reused_ = false;    // connection_ was kept from a check before
  int informational_ = 0;  // interim responses so far
  int status_ = 0;
  bool status_good_ = false;
  std::optional<grpc::Status> grpc_status_;
  std::string_view failure_;  // a literal
  uint64_t body_bytes_ = 0;
  http::ResponseHead head_;
  stream::UpstreamStream* stream_ = nullptr;  // while a request is under way
  http1::ClientStream http1_;
  std::unique_ptr<Http2> http2_;  // instead of connection_
  pool::MemberTask<HealthProbe, &HealthProbe::Tell> tell_task_{this};
  pool::MemberTimer<HealthProbe, &HealthProbe::OnTimeout> timeout_timer_{this};
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_HEALTH_PROBE_H_
