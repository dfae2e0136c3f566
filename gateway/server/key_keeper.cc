#include "gateway/server/key_keeper.h"

#include <algorithm>
#include <utility>

#include <absl/strings/str_cat.h>

#include "gateway/fetch/freshness.h"
#include "gateway/fetch/retry_after.h"
#include "gateway/route/key_files.h"
#include "gateway/server/op_log.h"
#include "pool/net/check.h"

namespace holdfast::server {

using metrics::Metric;

namespace {

std::string SubjectOf(const std::string& url) { return absl::StrCat("keys for tokens: ", url); }

pool::Duration AgeOf(const fetch::Response& response) {
  const pool::Duration told = fetch::FreshFor(response).value_or(KeyKeeper::kUsualAge);
  return std::clamp<pool::Duration>(told, KeyKeeper::kLeastAge, KeyKeeper::kMostAge);
}

pool::Duration PauseAfter(uint32_t failures) {
  pool::Duration pause = KeyKeeper::kFirstPause;
  for (uint32_t i = 1; i < failures && pause < KeyKeeper::kLastPause; ++i) pause *= 2;
  return std::min<pool::Duration>(pause, KeyKeeper::kLastPause);
}

pool::Duration AskedFor(const fetch::Response& response, pool::WallTime now) {
  if (response.status != 429 && response.status != 503) return pool::Duration::zero();
  const pool::Duration asked =
      fetch::ParseRetryAfter(response.retry_after, now).value_or(pool::Duration::zero());
  return std::min<pool::Duration>(asked, KeyKeeper::kLongestAsked);
}

}  // namespace

KeyKeeper::KeyKeeper(pool::EventLoop* loop, metrics::Shard* shard, Callbacks callbacks)
    : loop_(loop),
      shard_(shard),
      callbacks_(std::move(callbacks)),
      random_(static_cast<uint64_t>(loop->clock().WallNow().time_since_epoch().count())) {}

KeyKeeper::~KeyKeeper() = default;

void KeyKeeper::Adopt(const config::Config& config) {
  if (stopped_) return;
  std::map<Key, Source> next;
  for (const config::Route& route : config.routes) {
    if (!route.jwt.has_value() || !route.jwt->by_url()) continue;
    Key key = KeyOf(*route.jwt);
    if (next.contains(key)) continue;
    if (auto known = sources_.extract(key); !known.empty()) {
      next.insert(std::move(known));
      continue;
    }
    LogInfo(SubjectOf(key.url) + ": fetching them; until they come requests are answered 503");
    // 0 until something comes.
    shard_->GaugeFor(Metric::kJwksLastSuccessTimestampSeconds, {key.url});
    Source source{.authorities = route.jwt->authorities,
                  .claim = shard_->ClaimSeries("url", key.url),
                  .next = loop_->now()};
    next.emplace(std::move(key), std::move(source));
  }
  sources_ = std::move(next);
  dns_ = config.dns;
  Proceed();
}

void KeyKeeper::Fill(config::Config* config) const {
  for (config::Route& route : config->routes) {
    if (!route.jwt.has_value() || !route.jwt->by_url()) continue;
    const auto known = sources_.find(KeyOf(*route.jwt));
    if (known == sources_.end() || known->second.keys == nullptr) continue;
    route::GiveKeys(known->second.keys, &*route.jwt);
  }
}

void KeyKeeper::Want(const std::string& url) {
  for (auto& [key, source] : sources_) {
    if (key.url != url || source.exchanges != nullptr) continue;
    const pool::TimePoint allowed =
        source.wanted_at.has_value() ? *source.wanted_at + kWantedEvery : loop_->now();
    const pool::TimePoint when = std::max(allowed, source.not_before);
    if (when >= source.next) continue;
    source.next = when;
    source.wanted = true;
  }
  Proceed();
}

bool KeyKeeper::AllKnown() const {
  return std::ranges::all_of(sources_, [](const auto& one) { return one.second.keys != nullptr; });
}

void KeyKeeper::Stop() {
  stopped_ = true;
  sources_.clear();
  loop_->timers().Cancel(timer_);
}

void KeyKeeper::Proceed() {
  auto under_way = static_cast<size_t>(std::ranges::count_if(
      sources_, [](const auto& one) { return one.second.exchanges != nullptr; }));
  std::optional<pool::TimePoint> earliest;
  for (auto& [key, source] : sources_) {
    if (source.exchanges != nullptr) continue;
    if (source.next > loop_->now()) {
      earliest = std::min(earliest.value_or(source.next), source.next);
    } else if (under_way < kMaxFetches) {
      ++under_way;
      Begin(key, &source);
    }
  }
  loop_->timers().Cancel(timer_);
  if (earliest.has_value()) loop_->timers().Arm(timer_, *earliest);
}

void KeyKeeper::Begin(const Key& key, Source* source) {
  if (std::exchange(source->wanted, false)) source->wanted_at = loop_->now();
  source->exchanges = callbacks_.connect(dns_, source->authorities);
  source->exchanges->Start({.url = key.url,
                            .accept = "application/jwk-set+json, application/json",
                            .clear = true,  // the configuration has seen to that
                            .max_body_bytes = auth::KeySet::kMaxFileBytes,
                            .timeout = kTimeout},
                           [this, key](const fetch::Response& response) {
                             OnResponse(key, response);
                             Proceed();
                           });
}

void KeyKeeper::OnResponse(const Key& key, const fetch::Response& response) {
  const auto found = sources_.find(key);
  HOLDFAST_CHECK(found != sources_.end());
  Source& source = found->second;
  source.exchanges.reset();
  if (!response.trouble.empty()) return Fail(key, &source, "unreachable", response.trouble);
  if (response.status >= 300 && response.status < 400) {
    return Fail(key, &source, "refused",
                absl::StrCat("status ", response.status,
                             ", a redirect, which is not followed: give the URL that it leads to"));
  }
  if (response.status != 200) {
    return Fail(key, &source, "refused", absl::StrCat("status ", response.status),
                AskedFor(response, loop_->wall_now()));
  }
  absl::StatusOr<auth::KeySet> keys =
      auth::KeySet::Parse(response.body, auth::KeySet::Wrong::kIsLeftOut);
  if (!keys.ok()) return Fail(key, &source, "unusable", std::string(keys.status().message()));
  Succeed(key, &source, *std::move(keys), response);
}

void KeyKeeper::Succeed(const Key& key, Source* source, auth::KeySet keys,
                        const fetch::Response& response) {
  const bool same = source->keys != nullptr && source->keys->digest() == keys.digest();
  Count(key, same ? "same" : "changed");
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(loop_->wall_now().time_since_epoch());
  shard_->GaugeFor(Metric::kJwksLastSuccessTimestampSeconds, {key.url}).Set(seconds.count());
  source->failures = 0;
  // Replicas that began together do not all ask together.
  source->next =
      loop_->now() + std::max<pool::Duration>(kLeastAge, random_.ShortenTenth(AgeOf(response)));
  if (!std::exchange(source->trouble, {}).empty() && same) {
    LogInfo(SubjectOf(key.url) + ": there again, the same as before");
  }
  if (same) return;
  for (const std::string& note : keys.notes()) {
    LogWarning(absl::StrCat(SubjectOf(key.url), ": ", note));
  }
  LogInfo(absl::StrCat(SubjectOf(key.url), ": ", keys.keys().size(),
                       keys.keys().size() == 1 ? " key" : " keys", " taken into use"));
  source->keys = std::make_shared<const auth::KeySet>(std::move(keys));
  loop_->Queue(changed_task_);
}

void KeyKeeper::Fail(const Key& key, Source* source, std::string_view result,
                     const std::string& why, pool::Duration asked) {
  Count(key, result);
  // Varied, but never sooner than the issuer wants it.
  const pool::Duration pause =
      random_.JitterTenth(std::max<pool::Duration>(PauseAfter(++source->failures), asked));
  source->not_before = loop_->now() + asked;
  source->next = loop_->now() + std::max<pool::Duration>(pause, asked);
  // The same trouble is told once.
  if (source->trouble == why) return;
  source->trouble = why;
  LogError(absl::StrCat(SubjectOf(key.url), ": ", why,
                        source->keys != nullptr ? "; the old ones stay"
                                                : "; requests are answered 503 until they come"));
}

void KeyKeeper::Count(const Key& key, std::string_view result) {
  shard_->CounterFor(Metric::kJwksFetchesTotal, {key.url, result}).Add();
}

}  // namespace holdfast::server
