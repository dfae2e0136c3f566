#ifndef HOLDFAST_GATEWAY_PROXY_FORWARD_AUTH_H_
#define HOLDFAST_GATEWAY_PROXY_FORWARD_AUTH_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "gateway/config/config.h"
#include "gateway/http/message.h"
#include "gateway/proxy/exchange_account.h"
#include "gateway/proxy/local_reply.h"
#include "gateway/proxy/side_call.h"
#include "pool/net/proxy_header.h"

namespace holdfast::proxy {

// Hears what the service has said, never from inside Ask.
class ForwardAuthEvents {
 public:
  virtual void OnForwardAuthOver() = 0;

 protected:
  ~ForwardAuthEvents() = default;
};

// Asks another service whether a request may go on (`forward_auth` of its route), as nginx's
// auth_request and Traefik's forwardAuth do: a GET of the route's path with the request's fields,
// X-Forwarded-Method, -Uri and -Host that say what was asked for, and what upstreams are told of
// the client. A status of 2xx lets the request pass, with the fields of `copy_response_headers` in
// place of whatever the client has sent under these names. Any other below 500 is the client's
// answer.
//
// A request's body goes along where `body` is given: then it is a POST.
//
// Where `fail` is open, a request passes as well, without those fields, if the service could not be
// reached, said nothing in time, or answered 502, 503 or 504. Other failures (500, an answer that
// is too long, malformed or broken off) let nobody in: a client could bring them about.
//
// A member of its exchange, which keeps it from one request to the next. Loop thread.
class ForwardAuth final : private SideCallEvents {
 public:
  enum class Verdict {
    kPending,    // the events will tell
    kAdmitted,   // and Mark is to be called
    kRefused,    // FillRefusal has the answer
    kFailed,     // the service did not say, and that may be the client's doing
    kUnreached,  // it could not be asked, or not in time
  };

  ForwardAuth(WorkerContext* context, ForwardAuthEvents* events);

  // `subject.route` has forward_auth; what it refers to outlives the call, and so does `body`, of
  // the request: empty, or all of it. Removes the identity fields that the client has sent from its
  // request.
  Verdict Ask(const ExchangeSubject& subject, std::string_view body = {});
  Verdict verdict() const { return verdict_; }
  // The service's fields become the request's. They point into this object.
  void Mark(http::RequestHead* head) const;
  // Of kRefused: the service's answer, for HTTP/1.1 and HTTP/2 alike. Its views point into this
  // object.
  void FillRefusal(LocalReply* reply) const;
  // Why there is no answer, for the operator.
  const std::string& failure() const { return failure_; }
  // Ends a question that is open, and forgets the answer.
  void Clear();

 private:
  void OnSideCallOver() override;
  void FillHead(const ExchangeSubject& subject, size_t body_bytes);
  void FillIdentity(const ExchangeSubject& subject);
  void DropTold(http::HeaderList* fields) const;
  void Decide();

  ForwardAuthEvents* events_;
  SideCall call_;
  const config::ForwardAuth* rule_ = nullptr;
  http::RequestHead head_;
  std::string uri_;
  std::string identity_;           // of the client, by its certificate: field lines
  pool::ProxiedEnds client_ends_;  // for upstreams that are told
  std::string failure_;
  Verdict verdict_ = Verdict::kPending;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_FORWARD_AUTH_H_
