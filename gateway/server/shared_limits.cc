#include "gateway/server/shared_limits.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "pool/dns/cares_resolver.h"

namespace holdfast::server {

RedisLink* SharedLimits::LinkFor(const policy::SharedLimit& shared) {
  for (const std::unique_ptr<RedisLink>& link : links_) {
    if (link->shared() == shared) return link.get();
  }
  const auto make_resolver = [this]() -> std::unique_ptr<pool::Resolver> {
    return std::make_unique<pool::CaresResolver>(
        &main_->loop, pool::CaresOptions{.servers = dns_.servers,
                                         .timeout = dns_.timeout,
                                         .attempts = static_cast<int>(dns_.attempts),
                                         .on_trouble = nullptr});
  };
  return links_.emplace_back(std::make_unique<RedisLink>(main_, shared, make_resolver)).get();
}

void SharedLimits::Adopt(const route::Snapshot& snapshot) {
  dns_ = snapshot.config().dns;
  std::map<RedisLink*, std::vector<RedisLink::Member>> members;
  for (const route::Route& route : snapshot.routes().routes()) {
    if (route.limiter == nullptr || route.limiter->spending() == nullptr) continue;
    RedisLink* const link = LinkFor(*route.limiter->rule().shared);
    members[link].push_back({.route = route.name, .limiter = route.limiter});
  }
  std::erase_if(links_, [&members](const std::unique_ptr<RedisLink>& link) {
    return !members.contains(link.get());
  });
  for (auto& [link, its] : members) link->SetMembers(std::move(its));
}

void SharedLimits::AddTo(metrics::Sums& sums) const {
  std::map<std::string, bool> up;  // by address: all links to it
  for (const std::unique_ptr<RedisLink>& link : links_) {
    bool& all = up.try_emplace(link->shared().redis, true).first->second;
    all = all && link->up();
  }
  for (const auto& [redis, all] : up) {
    sums.Add<metrics::Gauge>(metrics::Metric::kSharedRateLimitUp, {redis}, all ? 1 : 0);
  }
}

}  // namespace holdfast::server
