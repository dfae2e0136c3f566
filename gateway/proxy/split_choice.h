#ifndef HOLDFAST_GATEWAY_PROXY_SPLIT_CHOICE_H_
#define HOLDFAST_GATEWAY_PROXY_SPLIT_CHOICE_H_

#include <string_view>

#include "gateway/http/message.h"
#include "gateway/route/route_table.h"
#include "pool/net/random.h"

namespace holdfast::proxy {

// The branch of a split that a request takes (route/branches.h). By the key of `split_by`, where
// the request has it, every gateway chooses the same while the split is the same; otherwise
// `random` does. A client that has no IP address has no key, nor has an empty value of a field or a
// cookie, of which the first counts. Clients choose what they send: a key is none of the gateway's
// promises about who gets where. Allocates nothing.
const route::Route* ChooseAmongBranches(const route::Route& route, const http::RequestHead& head,
                                        std::string_view client, pool::Random* random);

// The route that a request goes on with, once, for all its attempts. `route` may be null: none was
// found. `client` is the true one's IP address.
inline const route::Route* ChooseBranch(const route::Route* route, const http::RequestHead& head,
                                        std::string_view client, pool::Random* random) {
  if (route == nullptr || route->branches == nullptr) return route;
  return ChooseAmongBranches(*route, head, client, random);
}

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_SPLIT_CHOICE_H_
