#ifndef HOLDFAST_GATEWAY_PROXY_FIELD_EDITS_H_
#define HOLDFAST_GATEWAY_PROXY_FIELD_EDITS_H_

#include <string>

#include "gateway/http/message.h"
#include "gateway/proxy/exchange_account.h"
#include "gateway/route/route_table.h"

namespace holdfast::proxy {

// What a route's rules make of the fields of one exchange (policy/header_rules.h), and the texts of
// those that had to be made for it. Loop thread; outlives the heads that it has edited.
class FieldEdits {
 public:
  void EditRequest(const route::Route& route, const ExchangeClient& client,
                   http::RequestHead* request);
  void EditResponse(const route::Route& route, const ExchangeClient& client,
                    const http::RequestHead& request, http::ResponseHead* response);
  void Clear();

 private:
  std::string of_request_;
  std::string of_response_;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_FIELD_EDITS_H_
