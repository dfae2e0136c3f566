#ifndef HOLDFAST_GATEWAY_PROXY_CORRELATION_H_
#define HOLDFAST_GATEWAY_PROXY_CORRELATION_H_

#include <string_view>

#include "gateway/config/config.h"
#include "gateway/http/header_list.h"
#include "gateway/policy/request_id.h"
#include "gateway/policy/trace_context.h"
#include "gateway/proxy/context.h"
#include "gateway/proxy/exchange_account.h"
#include "gateway/record/span.h"

namespace holdfast::proxy {

// By what one exchange is found again elsewhere: its request's id and trace, as the listener wants
// them. Tells its account of either as soon as it is known.
//
// A member of its exchange; one thread. What it has put into heads refers to itself, to the
// request's bytes and to the listener.
class Correlation {
 public:
  // Both outlive it.
  Correlation(WorkerContext* context, ExchangeAccount* account)
      : context_(context), account_(account) {}
  Correlation(const Correlation&) = delete;
  Correlation& operator=(const Correlation&) = delete;

  // Of an exchange that begins. `listener` outlives it.
  void Begin(const config::Listener& listener) {
    ids_ = listener.request_id.has_value() ? &*listener.request_id : nullptr;
    trace_ = listener.trace.has_value() ? &*listener.trace : nullptr;
  }
  // The listener wants something to be done; the rest below does nothing otherwise.
  bool active() const { return ids_ != nullptr || trace_ != nullptr; }
  // The request's head was read: what it says is kept or not, and taken out of the fields. Without
  // this, as of a head that nobody could read, nothing of it is kept.
  void Take(http::HeaderList* fields);
  // Puts in what the upstream is told, once nothing is removed any more by the client's word
  // (Connection).
  void TellUpstream(http::HeaderList* fields);
  // In place of what the upstream says there.
  void TellClient(http::HeaderList* fields);
  // Made when it is first asked for, if there is none: once for an exchange. Whether or not the
  // listener wants one.
  std::string_view request_id();
  // The request's span, which the upstream is told is its parent. Without an id of a trace: there
  // is none, since nobody sends any, or the request is not sampled.
  record::SpanIds span() const;
  // Takes out of other fields of the exchange what stands for those that are written here.
  void DropFrom(http::HeaderList* fields) const;
  void Clear() {
    ids_ = nullptr;
    trace_ = nullptr;
    request_id_ = {};
    traceparent_ = {};
  }

 private:
  void TakeTrace(http::HeaderList* fields);

  WorkerContext* context_;
  ExchangeAccount* account_;
  const config::RequestIds* ids_ = nullptr;
  const config::TraceRule* trace_ = nullptr;
  std::string_view request_id_;
  std::string_view traceparent_;  // empty: none is sent
  // While there is a traceparent_: whether it names a span of this exchange, and that one's parent.
  bool has_span_ = false;
  std::string_view parent_id_;  // empty: it has none
  policy::UuidText made_id_;    // where that was made
  policy::TraceparentText made_traceparent_;
};

// What a client may not append to its request: fields that stand for those that Correlation writes.
void DropCorrelation(const config::Listener& listener, http::HeaderList* trailers);

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_CORRELATION_H_
