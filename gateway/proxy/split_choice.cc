#include "gateway/proxy/split_choice.h"

#include <cstdint>

#include "gateway/http/cookies.h"
#include "gateway/policy/rate_limiter.h"
#include "gateway/route/branches.h"
#include "pool/key_hash.h"

namespace holdfast::proxy {
namespace {

using By = config::SplitKey::By;

// Other than the balancer's, which would find the keys of one branch all in one part of its ring.
constexpr uint64_t kSeed = 0x53504C4954;

// Empty when the request has none. Written into `*bytes` or part of the request.
std::string_view KeyOf(const config::SplitKey& key, const http::RequestHead& head,
                       std::string_view client, policy::ClientKeyBytes* bytes) {
  switch (key.by) {
    case By::kRandom: break;
    case By::kClient: return policy::ClientKey(client, bytes);
    case By::kHeader: {
      const http::HeaderField* field = head.headers.FindByName(key.name);
      return field != nullptr && !field->dropped ? field->value : std::string_view();
    }
    case By::kCookie: return http::CookieOf(head.headers, key.name);
  }
  return {};
}

}  // namespace

const route::Route* ChooseAmongBranches(const route::Route& route, const http::RequestHead& head,
                                        std::string_view client, pool::Random* random) {
  policy::ClientKeyBytes bytes;
  const std::string_view key = KeyOf(route.split_by, head, client, &bytes);
  const uint64_t number = key.empty() ? random->Next() : pool::HashBytes(key, kSeed);
  return &route.branches->At(number);
}

}  // namespace holdfast::proxy
