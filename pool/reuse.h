#ifndef HOLDFAST_POOL_REUSE_H_
#define HOLDFAST_POOL_REUSE_H_

#include <cstdint>
#include <optional>

#include "pool/endpoint_counts.h"
#include "pool/net/clock.h"
#include "pool/reasons.h"

namespace holdfast::pool {

class ConnectionTie;

// What is known at the end of a lease. The defaults are the facts of a lease that somebody forgot:
// its connection is not kept.
struct ReuseFacts {
  bool asked = false;
  bool broken = false;
  bool peer_closed = false;
  bool upgraded = false;
  bool request_finished = false;
  bool response_finished = false;
  bool extra_bytes = false;
  bool forbidden_content = false;  // the response announced it, and it may be on its way
  bool peer_allows = false;
  bool draining = false;
  bool too_old = false;
  bool worn_out = false;  // it has served as many requests as it may
  bool idle_off = false;
  // The connection has authenticated whoever sent the request, or may have: from now on it serves
  // only the owner of `tie`. Once said, it stays so.
  bool authenticated = false;
  ConnectionTie* tie = nullptr;
  // Content may follow that the response announced and must not have, so the pool leaves the
  // connection alone for a while. The decision does not depend on it.
  bool rest = false;
  // What the peer said in Keep-Alive: how long it keeps the connection, and for how many more
  // requests. The pool heeds it; the decision does not depend on it.
  std::optional<Duration> keep_alive_timeout;
  std::optional<uint32_t> keep_alive_max;
  // How the request was answered, and how long that took; negative: it was not. To be counted.
  AnswerClass answer = AnswerClass::kNone;
  Duration first_byte{-1};
};

// Pure. kNone: the connection is kept. Otherwise the first reason against it, in the order of the
// enum.
CloseReason DecideReuse(const ReuseFacts& facts);
// The same at the end of one of several leases of a connection: only what concerns the connection
// as a whole counts. How a single exchange went is its protocol's to deal with. Pure.
CloseReason DecideReuseOfShared(const ReuseFacts& facts);

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_REUSE_H_
