#ifndef HOLDFAST_GATEWAY_PROXY_ADMISSION_H_
#define HOLDFAST_GATEWAY_PROXY_ADMISSION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/auth/basic_auth.h"
#include "gateway/auth/bearer_auth.h"
#include "gateway/policy/token_buckets.h"
#include "gateway/proxy/exchange_account.h"
#include "gateway/proxy/failure.h"
#include "gateway/proxy/forward_auth.h"
#include "gateway/proxy/in_flight_queue.h"
#include "gateway/proxy/local_reply.h"

namespace holdfast::proxy {

// Hears that it is known whether a request is admitted, or what it waits for now; never from inside
// Ask.
class AdmissionEvents {
 public:
  virtual void OnAdmissionKnown() = 0;

 protected:
  ~AdmissionEvents() = default;
};

// Whether a request gets what its route gives: by certificate, rate, and a password, a token or
// another service's word, in this order. Who may have it takes one of the route's places, or waits
// for one.
//
//   switch (admission.Ask(subject)) ...
//   admission.Clear();
//
// A member of its exchange. Loop thread.
class Admission final : private auth::AuthWaiter,
                        private ForwardAuthEvents,
                        private InFlightEvents {
 public:
  enum class Verdict : uint8_t {
    kAdmitted,
    kRefused,
    kPending,
    kAwaitsBody,  // AskWithBody is to be called, once all of the request's body is there
  };

  Admission(WorkerContext* context, AdmissionEvents* events);

  // `subject.route` is not null. A request that comes to the route's rate limit and is within it
  // has used up one of that, whatever else is said of it. Of kPending the events tell: what the
  // subject refers to outlives that. The client's own word for what the route finds out is taken
  // out of the request.
  Verdict Ask(const ExchangeSubject& subject);
  // After kAwaitsBody. `body` outlives the answer.
  Verdict AskWithBody(const ExchangeSubject& subject, std::string_view body);
  // Instead: there is no room for the body.
  Verdict RefuseUnasked();
  // What was found out, once it is known.
  Verdict verdict() const { return verdict_; }
  // Of kPending: when OnWake is due; nullopt: it is not for the caller to know.
  std::optional<pool::TimePoint> wake_at() const { return place_.wake_at(); }
  Verdict OnWake();
  // Of kAdmitted, once the fields of the client's hop are out: tells the upstream what was found
  // out. These fields are good until Clear.
  void Mark(http::RequestHead* head) const;
  // Of kRefused: why, and what the client is answered. Its views are good until Clear.
  Failure failure() const { return failure_; }
  void FillReply(LocalReply* reply) const;
  // For the operator; empty: there is nothing to add.
  const std::string& detail() const { return detail_; }
  // Nobody waits any more; a place is given back.
  void Clear();

 private:
  void OnAuthAnswer(auth::Answer answer) override;
  void OnForwardAuthOver() override;
  void OnPlaceHad() override;

  Verdict Conclude(Verdict verdict);
  Verdict Refuse(Failure failure);
  // Everything else is as it has to be.
  Verdict AskForPlace();
  bool WithinRate(const ExchangeSubject& subject);
  Verdict AskForPassword(const ExchangeSubject& subject);
  Verdict FollowPassword(auth::Answer answer);
  Verdict CheckToken(const ExchangeSubject& subject);
  Verdict AskService(const ExchangeSubject& subject, std::string_view body);
  Verdict FollowService();
  void Count(std::string_view answer) const;

  WorkerContext* context_;
  AdmissionEvents* events_;
  const route::Route* route_ = nullptr;
  Verdict verdict_ = Verdict::kAdmitted;
  Failure failure_ = Failure::kNone;
  policy::TokenBuckets::Verdict rate_{};  // with kRateLimited
  std::string detail_;
  std::shared_ptr<const auth::GoodToken> token_;  // fields of the request point into it
  std::unique_ptr<ForwardAuth> service_;          // null until a route has one
  InFlightPlace place_{context_, this};
};

// Takes out of a request's trailers what only the gateway may say of a client of that route.
void DropClaims(const route::Route& route, http::HeaderList* trailers);

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_ADMISSION_H_
