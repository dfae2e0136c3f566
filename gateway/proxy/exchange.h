#ifndef HOLDFAST_GATEWAY_PROXY_EXCHANGE_H_
#define HOLDFAST_GATEWAY_PROXY_EXCHANGE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/http/path_form.h"
#include "gateway/proxy/admission.h"
#include "gateway/proxy/exchange_account.h"
#include "gateway/proxy/field_edits.h"
#include "gateway/proxy/interim_budget.h"
#include "gateway/proxy/local_reply.h"
#include "gateway/proxy/outgoing.h"
#include "gateway/proxy/request_body.h"
#include "gateway/proxy/response_encoding.h"
#include "gateway/proxy/true_client.h"
#include "gateway/proxy/tunnel.h"
#include "gateway/proxy/websocket_handshake.h"

namespace holdfast::proxy {

// One request and its response: finds the route, answers by itself or calls an upstream, moves both
// bodies, and accounts for the whole. What is repeated, and when, is its call's to decide.
//
// A flat machine over State; Progress does whatever can be done now in the present state. Every
// path ends in kOver, and whoever asked last is told: a call from the owner returns it; what comes
// from a timer or from the upstream ends with OnExchangeOver. Nobody is called back from inside a
// call.
//
// Loop thread. Owned by the client's session while it runs, by the worker's free list at rest.
class Exchange final : private CallEvents, private AdmissionEvents {
 public:
  // How long it waits for a client that has ended its side after its request: the client may have
  // gone or may wait for the answer, and nobody can tell.
  static constexpr pool::Duration kHalfClosedPatience = std::chrono::seconds(1);
  // Reads and writes per turn, so that one fast body does not hold up the others.
  static constexpr int kMaxRounds = 16;

  using Client = ExchangeClient;
  enum class Step : uint8_t { kGoing, kOver };

  explicit Exchange(WorkerContext* context);

  // The stream has begun; its request is read by Start.
  void Begin(const Client& client);
  // The head was read and parsed: goes on to the route's action.
  [[nodiscard]] Step Start();
  // Instead of Start: the head is refused.
  [[nodiscard]] Step Refuse(http::Refusal refusal);
  // Instead of Start: there is no whole head.
  [[nodiscard]] Step Reject(Failure failure);
  [[nodiscard]] Step Progress();
  // The client has sent its end, or is gone altogether.
  [[nodiscard]] Step OnClientEnded(bool gone);
  // There is no client any more, whatever was still to be done for it.
  [[nodiscard]] Step Abandon();
  // The drain's deadline: breaks off.
  void Cut();
  // The listener may have other limits now: looks at its deadline again.
  void OnReconfigured() { ArmTimer(); }
  // Once it is over, and before the stream ends: lets go of everything. True if the response was
  // written to its end; otherwise the client must be able to tell that it was not.
  bool Finish();

 private:
  enum class State : uint8_t {
    kIdle,       // in the pool
    kRouting,    // from Begin to the first decision
    kChecking,   // who asks is found out
    kBuffering,  // the body is read before whoever gets it is asked
    kCheckout,   // the call waits: for a connection, a pause or proof
    kAwait,      // the request is on its way; no final head yet
    kRelay,      // the response is on its way
    kTunnel,     // raw bytes both ways
    kFinishing,  // all of the response is in the client's buffer
    kOver,       // and accounted for
  };

  // All that belongs to one request and needs no memory of its own.
  struct Run {
    uint32_t listener = 0;  // the listener's place in view_; a reload may give it another
    const route::Route* route = nullptr;
    bool body_for_admission = false;  // with kBuffering; else for the upstream
    bool flush_due = false;           // nothing came since the encoder had its last bytes
    bool encoder_failed = false;
    bool complete = false;                // with kOver
    InterimBudget interim;                // of this attempt
    uint64_t client_sent = 0;             // of the stream, when it was last looked at
    uint64_t upstream_sent = 0;           // of this attempt's
    pool::TimePoint begun;                // with the request's head complete
    std::optional<pool::TimePoint> ends;  // when all of it has to be over
    pool::TimePoint last_progress;
    // Since when nobody but the upstream can bring the response about, in this attempt.
    pool::TimePoint response_due_since;
    std::optional<pool::TimePoint> client_ended_at;
    Tunnel tunnel;
  };

  void MoveTo(State next);
  Step step() const { return state_ == State::kOver ? Step::kOver : Step::kGoing; }
  void OnCallReady() override;
  // What was done came from no call of the owner.
  void TellIfOver();
  void RunTask();

  // A rule of framing is broken, by the "client" or the "upstream".
  void CountRefusal(std::string_view sender, http::Refusal refusal);
  void StartUpstream();
  void CallUpstream();
  // The route's time, and no more than a client of gRPC says it will wait.
  void LimitTime();
  // Serves who is admitted, answers who is not, waits for what is not known yet.
  void FollowAdmission(Admission::Verdict verdict);
  void OnAdmissionKnown() override;
  // The route's own business.
  void Serve();

  // exchange_request.cc
  // False when the exchange has ended.
  bool PumpRequest();
  // Reads until the upstream is congested (kData), the client has no more now, the body ends, or
  // the exchange has ended (kBroken).
  stream::BodyStep::Kind FillUpstream();
  void OnRequestBroken(http::Refusal refusal);
  void EndRequest();
  void SendRest();
  // True while there is more to come.
  bool DiscardRequestBody();
  // Whether the body is worth waiting for, before the upstream is asked.
  bool MayBuffer();
  void BeginBuffering(uint64_t bound);
  void ContinueBuffering();
  void EndBuffering(HoldOutcome outcome);
  void CountBuffering(HoldOutcome outcome);
  void TellToGoOn();
  void AskWithBody(HoldOutcome outcome);
  void OnBufferingTimeout();

  // The listener or the route changes fields of responses.
  bool Edits() const { return edits_.EditsResponse(run_.route); }
  void FollowCall(UpstreamCall::Stage stage);
  void Advance();

  pool::FlushStatus FlushUpstream();
  pool::FlushStatus FlushClient();
  void NoteBytesSent();
  void AwaitHead();
  void OnUpstreamBroken(stream::UpstreamTrouble trouble, http::Refusal refusal);
  void BeginRelay();
  // What an encoder holds goes out, too, once nothing has come for a turn.
  void PumpResponse();
  // Reads until the client is congested, the upstream has no more, or the body ends.
  stream::BodyStep::Kind FillClient();
  void BeginTunnel();
  void PumpTunnel();

  void Fail(Failure failure, std::string_view detail = {});
  // True: the request is an authority's, about a name that is to have a certificate.
  bool AnswerChallenge();
  // The reply at hand, in the words of the client's protocol.
  void SendError();
  void SendLocal(const http::ResponseHead& head, std::string_view body);
  void BeginFinish();
  void ContinueFinish();
  // Ends without a (whole) response.
  void BreakOff(Failure failure);
  void Done(bool complete);
  void NoteClientEnded(bool gone);

  // exchange_timers.cc
  void OnTimer(pool::TimePoint now);
  void OnTimeout();
  enum class Party : uint8_t {
    kRequester,  // the client, with more of its request
    kReader,     // the upstream, to read what is sent to it
    kResponder,  // the upstream, with a response
  };
  Party AwaitedParty();
  bool BodyHeldBack() const { return !body_.ended() && body_.HeldBack(request()); }
  bool BodyIsShort() const { return RequestBody::IsShort(request()); }
  pool::TimePoint Deadline();
  pool::TimePoint AwaitDeadline();
  void OnAwaitTimeout();
  void OnBodyTimeout();
  void ArmTimer();
  void NoteProgress() { run_.last_progress = context_->loop->now(); }

  http::RequestHead& request() const { return client_.stream->request(); }
  // What the gateway calls itself to both sides of this exchange.
  std::string_view via_name() const { return view_->snapshot().via_name(); }
  ExchangeSubject subject() {
    return {client_, *view_.get(), run_.listener, run_.route, request(), &edits_};
  }
  const std::string& upstream_name() const { return run_.route->cluster.name; }

  WorkerContext* context_;
  Client client_{};
  TrueClient true_client_;
  ViewPin view_;
  State state_ = State::kIdle;
  ExchangeAccount account_;
  UpstreamCall call_;
  RequestBody body_{context_};
  Run run_;
  http::PathForm path_form_;  // the request's path may point into it
  http::ResponseHead response_;
  LocalReply reply_;
  FieldEdits edits_{context_, &account_};
  ResponseEncoding encoding_{context_};
  Outgoing outgoing_;
  Admission admission_{context_, this};
  WebSocketHandshake websocket_;
  pool::MemberTimer<Exchange, &Exchange::OnTimer> timer_{this};
  pool::MemberTask<Exchange, &Exchange::RunTask> progress_task_{this};
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_EXCHANGE_H_
