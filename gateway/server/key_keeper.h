#ifndef HOLDFAST_GATEWAY_SERVER_KEY_KEEPER_H_
#define HOLDFAST_GATEWAY_SERVER_KEY_KEEPER_H_

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/auth/key_set.h"
#include "gateway/auth/token_rules.h"
#include "gateway/config/config.h"
#include "gateway/fetch/exchanges.h"
#include "gateway/server/fetching.h"
#include "metrics/shard.h"
#include "pool/net/event_loop.h"
#include "pool/net/random.h"
#include "pool/net/timer_wheel.h"

namespace holdfast::server {

// Fetches the keys for tokens that routes name by URL: at once, then again when they are no longer
// fresh or a token names a key that is not among them. What was fetched last stays in use until
// something better comes, however long that takes. Each URL is fetched once for all its routes.
//
//   keys.Fill(&config);   // what is known so far
//   ... publish config ...
//   keys.Adopt(config);   // changed() follows when there is more
//
// Main thread; owned by the server. What is given to it outlives it. Destruction gives up what is
// under way and calls nothing.
class KeyKeeper {
 public:
  // How long keys are fresh when their response does not say, and the bounds of what it says.
  static constexpr pool::Duration kUsualAge = std::chrono::minutes(10);
  static constexpr pool::Duration kLeastAge = std::chrono::minutes(1);
  static constexpr pool::Duration kMostAge = std::chrono::hours(24);
  // After a failure; twice as long after each further one. Varied by up to a tenth.
  static constexpr pool::Duration kFirstPause = std::chrono::seconds(1);
  static constexpr pool::Duration kLastPause = std::chrono::minutes(5);
  // More is not waited, whatever Retry-After of a 429 or 503 says.
  static constexpr pool::Duration kLongestAsked = std::chrono::minutes(15);
  // However many tokens name unknown keys, their URL is fetched for that so often at the most.
  static constexpr pool::Duration kWantedEvery = std::chrono::minutes(1);
  // For one fetch, and how many there are at a time.
  static constexpr pool::Duration kTimeout = std::chrono::seconds(10);
  static constexpr size_t kMaxFetches = 8;

  struct Callbacks {
    Connect connect;
    // From the loop: there are other keys than before. It may call everything here.
    std::function<void()> changed;
  };

  KeyKeeper(pool::EventLoop* loop, metrics::Shard* shard, Callbacks callbacks);
  ~KeyKeeper();
  KeyKeeper(const KeyKeeper&) = delete;
  KeyKeeper& operator=(const KeyKeeper&) = delete;

  // Fetches for the routes of `config` from now on; what is known of others is forgotten.
  void Adopt(const config::Config& config);
  // Gives the routes their keys, as far as there are any.
  void Fill(config::Config* config) const;
  // A token names a key that is not among those of the URL.
  void Want(const std::string& url);
  // Each URL has brought keys at least once.
  bool AllKnown() const;
  // Fetches nothing any more: nobody would take it into use.
  void Stop();

 private:
  // Routes that name the same URL and trust the same authorities share what is fetched.
  struct Key {
    std::string url;
    std::string authorities;  // PEM
    auto operator<=>(const Key&) const = default;
  };
  struct Source {
    pool::TlsFile authorities;
    metrics::Claim claim;
    std::shared_ptr<const auth::KeySet> keys;     // null: none has come yet
    std::unique_ptr<fetch::Exchanges> exchanges;  // of the fetch under way; null: none is
    pool::TimePoint next{};                       // when to fetch
    pool::TimePoint not_before{};                 // ... and no token makes that earlier
    bool wanted = false;                          // ... which is because a token wants it
    std::optional<pool::TimePoint> wanted_at;     // when the last such fetch began
    uint32_t failures = 0;                        // in a row
    std::string trouble;                          // why the last one failed, as it was told
  };

  static Key KeyOf(const auth::TokenRules& rules) { return {rules.jwks, rules.authorities.pem}; }
  // Begins what is due, and waits for what will be.
  void Proceed();
  void OnTimer(pool::TimePoint) { Proceed(); }
  void Begin(const Key& key, Source* source);
  void OnResponse(const Key& key, const fetch::Response& response);
  void Succeed(const Key& key, Source* source, auth::KeySet keys, const fetch::Response& response);
  // `asked`: how long the issuer wants to be left alone.
  void Fail(const Key& key, Source* source, std::string_view result, const std::string& why,
            pool::Duration asked = pool::Duration::zero());
  void Count(const Key& key, std::string_view result);
  void TellChanged() { callbacks_.changed(); }

  pool::EventLoop* loop_;
  metrics::Shard* shard_;
  Callbacks callbacks_;
  pool::Random random_;
  bool stopped_ = false;
  config::Dns dns_;
  std::map<Key, Source> sources_;
  pool::MemberTask<KeyKeeper, &KeyKeeper::TellChanged> changed_task_{this};
  pool::MemberTimer<KeyKeeper, &KeyKeeper::OnTimer> timer_{this};
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_KEY_KEEPER_H_
