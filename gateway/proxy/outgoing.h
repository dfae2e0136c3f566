#ifndef HOLDFAST_GATEWAY_PROXY_OUTGOING_H_
#define HOLDFAST_GATEWAY_PROXY_OUTGOING_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/http/message.h"
#include "gateway/proxy/exchange_account.h"
#include "gateway/proxy/failure.h"
#include "gateway/proxy/upstream_call.h"
#include "pool/net/proxy_header.h"

namespace holdfast::proxy {

// What an upstream is told of who asks, into facts that are as they were made; good as long as the
// client and the snapshot.
void FillFacts(const ExchangeSubject& subject, const route::RouteCluster& cluster,
               http::ForwardedFacts* facts);

// What the listener, which has client_certificate_headers, has upstreams told of who the client is:
// appended as field lines. False: that is too long, and nothing was appended.
[[nodiscard]] bool TellIdentity(const ExchangeClient& client, const config::Listener& listener,
                                std::string* lines);

// A request as its upstream is to get it: without what belongs to one hop or what no client may say
// of itself, under the path and the host that the route writes, and with what is known of who asks.
//
// A member of its exchange; one thread. What a request that was prepared refers to is in here, in
// the client's head and in the snapshot, until Clear.
class Outgoing {
 public:
  // Changes the request's head and fills in `*call`, but for its time, kind and hash. kNone, or why
  // it cannot be told so; `*detail` then says more, or is empty.
  Failure Prepare(const ExchangeSubject& subject, UpstreamCall::Request* call,
                  std::string_view* detail);
  // Its client is told which endpoint has answered, where it is to return there.
  void TellEndpoint(const pool::SocketAddress& endpoint, bool encrypted,
                    http::ResponseHead* response) {
    if (cookie_ != nullptr) SetCookie(endpoint, encrypted, response);
  }
  void Clear() {
    cookie_ = nullptr;
    returning_.reset();
    identity_.clear();
    target_.clear();
  }

 private:
  void SetCookie(const pool::SocketAddress& endpoint, bool encrypted, http::ResponseHead* response);

  std::string identity_;                          // of the client: field lines
  std::string target_;                            // in place of the request's; empty: that
  pool::ProxiedEnds client_ends_;                 // for upstreams that are told
  const EndpointCookie* cookie_ = nullptr;        // of the upstream; null: it has none
  std::optional<pool::SocketAddress> returning_;  // whereto the request's cookie leads
  std::string set_cookie_;
};

// Takes out of a request's fields, or of its trailers, what belongs to one hop, what no client may
// say of itself, and what the gateway says in the head (correlation.h).
// `listener` is its place in the snapshot; `trusted`: the client may say who others are.
void CleanFields(bool trusted, uint32_t listener, const route::Snapshot& snapshot,
                 http::HeaderList* fields);

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_OUTGOING_H_
