#ifndef HOLDFAST_GATEWAY_PROXY_ADMISSION_H_
#define HOLDFAST_GATEWAY_PROXY_ADMISSION_H_

#include <string_view>

#include "gateway/auth/basic_auth.h"
#include "gateway/policy/token_buckets.h"
#include "gateway/proxy/exchange_account.h"
#include "gateway/proxy/failure.h"

namespace holdfast::proxy {

// Whether a request gets what its route gives. Loop thread.
struct Admission {
  Failure failure = Failure::kNone;  // kNone: it does
  std::string_view detail;
  policy::TokenBuckets::Verdict verdict{};  // with kRateLimited
};

// `subject.route` is not null. A request that is admitted has used up one of its route's rate
// limit; so has none that is refused.
Admission Admit(const ExchangeSubject& subject, WorkerContext* context);

// Whether the request's name and password are those of a user of its route, which has basic_auth.
// Of kPending the waiter hears.
auth::Answer AskWhoItIs(const ExchangeSubject& subject, WorkerContext* context,
                        auth::AuthWaiter* waiter);
// Any answer but kPending.
void CountAuth(const route::Route& route, auth::Answer answer, WorkerContext* context);

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_ADMISSION_H_
