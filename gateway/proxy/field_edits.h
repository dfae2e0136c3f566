#ifndef HOLDFAST_GATEWAY_PROXY_FIELD_EDITS_H_
#define HOLDFAST_GATEWAY_PROXY_FIELD_EDITS_H_

#include <string>

#include "gateway/http/message.h"
#include "gateway/proxy/correlation.h"
#include "gateway/proxy/exchange_account.h"
#include "gateway/route/route_table.h"

namespace holdfast::proxy {

// What a listener's ids and a route's rules make of the fields of one exchange (correlation.h,
// policy/header_rules.h), and the texts of those that had to be made for it. Loop thread; outlives
// the heads that it has edited.
class FieldEdits {
 public:
  // As Correlation.
  FieldEdits(WorkerContext* context, ExchangeAccount* account) : correlation_(context, account) {}

  // Of an exchange that begins. `listener` outlives it.
  void Begin(const config::Listener& listener) { correlation_.Begin(listener); }
  // The head was read: what the listener's ids take out of it is nobody's from here on.
  void Read(http::RequestHead* request) {
    if (correlation_.active()) correlation_.Take(&request->headers);
  }
  // Of interim heads and trailers: what stands for the ids is taken out.
  void Clean(http::HeaderList* fields) const {
    if (correlation_.active()) correlation_.DropFrom(fields);
  }
  bool EditsRequest(const route::Route& route) const {
    return correlation_.active() || !route.request_edits.empty();
  }
  // `route` is null where none matched.
  bool EditsResponse(const route::Route* route) const {
    return correlation_.active() || (route != nullptr && route->edits_responses);
  }
  // Null: the listener wants nothing of it.
  Correlation* correlation() { return correlation_.active() ? &correlation_ : nullptr; }
  void EditRequest(const route::Route& route, const ExchangeClient& client,
                   http::RequestHead* request);
  // Rules come last: what they remove is gone.
  void EditResponse(const route::Route* route, const ExchangeClient& client,
                    const http::RequestHead& request, http::ResponseHead* response);
  void Clear() {
    correlation_.Clear();
    of_request_.clear();
    of_response_.clear();
  }

 private:
  // What costs something to know is asked for only where it is used.
  policy::TemplateFacts FactsFor(const policy::HeaderEdits& edits, const route::Route& route,
                                 const ExchangeClient& client, const http::RequestHead& request);

  Correlation correlation_;
  std::string of_request_;
  std::string of_response_;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_FIELD_EDITS_H_
