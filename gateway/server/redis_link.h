#ifndef HOLDFAST_GATEWAY_SERVER_REDIS_LINK_H_
#define HOLDFAST_GATEWAY_SERVER_REDIS_LINK_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/policy/rate_limiter.h"
#include "gateway/server/main_context.h"
#include "gateway/server/redis_protocol.h"
#include "pool/dialer.h"
#include "pool/dns/resolver.h"
#include "pool/net/connection.h"
#include "pool/net/timer_wheel.h"

namespace holdfast::server {

// Tells other gateways through one Redis what this one has let pass under shared limits, and its
// own limiters what all of them have.
//
// Every `sync` it takes out what was spent of each key and sends that in one batch. A script there
// keeps for each key when its bucket will be full again, by Redis' clock, as TokenBuckets does; its
// answer, how long that is from then, raises the local bucket. So a request is always decided here
// and waits for nobody; what several gateways let pass beyond the limit between two batches is a
// debt that all of them pay off.
//
// Without Redis nothing is told: what is spent meanwhile is dropped, which is counted, since the
// local limits have refilled by the time it is back. It is tried again after a pause that grows
// until it has served. Only a connection that has may end without being counted and told as a
// failure: Redis closes those that have not asked for long.
//
// Main thread; `main` outlives it, and whatever makes the resolver. Destruction closes the
// connection and calls nothing. Calls back nobody.
class RedisLink final : private pool::DialEvents, private pool::ConnectionEvents {
 public:
  // Keys in a batch; where there are more, the next one follows at once.
  static constexpr size_t kMaxBatch = 2048;
  // Between two attempts, twice as long each time until a connection has served.
  static constexpr pool::Duration kFirstPause = std::chrono::milliseconds(100);
  static constexpr pool::Duration kLastPause = std::chrono::seconds(5);
  static constexpr pool::Duration kResolveTimeout = std::chrono::seconds(10);
  // A connection has served once a batch has succeeded, or once it has been ready for so long: who
  // only greets and goes may as well not be there.
  static constexpr pool::Duration kProof = std::chrono::seconds(2);
  // Addresses of a name that are tried one after the other.
  static constexpr size_t kMaxAddresses = 4;
  // As much is owed at the most: what so many gateways can let pass at once.
  static constexpr int kMostDebtors = 16;

  // A route's limit, which is shared by `shared`.
  struct Member {
    std::string route;
    std::shared_ptr<policy::RateLimiter> limiter;
  };
  using MakeResolver = std::function<std::unique_ptr<pool::Resolver>()>;

  // `shared.redis` is an address that config/address.h reads as an endpoint. `make_resolver` is
  // called where that is a name.
  RedisLink(MainContext* main, const policy::SharedLimit& shared, MakeResolver make_resolver);
  RedisLink(const RedisLink&) = delete;
  RedisLink& operator=(const RedisLink&) = delete;

  const policy::SharedLimit& shared() const { return shared_; }
  // It has taken the script, and has not failed since.
  bool up() const { return up_; }
  // From now on.
  void SetMembers(std::vector<Member> members);

 private:
  enum class State : uint8_t {
    kPaused,
    kResolving,
    kConnecting,
    kGreeting,  // says who asks, and loads the script
    kReady,
    kSyncing,  // a batch awaits its replies
  };
  // Somebody's spending, on its way.
  struct Told {
    std::shared_ptr<policy::RateLimiter> limiter;
    policy::SharedSpending::Spent spent;
  };

  void OnDialSlow() override {}  // It has its deadline.
  void OnDialed(std::unique_ptr<pool::Connection> connection) override;
  void OnDialFailed(pool::CheckoutFailure failure) override;
  void OnConnectionReady() override;

  void MoveTo(State next);
  void Guard(pool::Duration time);
  void Connect();
  void OnAddresses(const pool::AddressAnswer& answer);
  void EndLookup();
  void DialNext();
  void Greet();
  void StartSync();
  // Moves what was spent to told_, up to kMaxBatch keys.
  void Collect();
  // Microseconds until the bucket is full, at the most.
  double MostOwed(const policy::RateLimiter& limiter) const;
  std::string CommandFor(const Member& member, const policy::SharedSpending::Spent& spent) const;
  void Send(const std::string& commands);
  // False: it has failed.
  bool Read();
  bool TakeReplies();
  bool OnReply(const RedisReply& reply);
  bool OnGreeted(const RedisReply& reply);
  void OnBatchOver();
  // The next trouble is told, and the next pause short, again.
  void OnServed();
  void Fail(const std::string& why);
  void Drop();
  void Pause();
  void Discard();
  void OnGuard(pool::TimePoint now);
  void OnProof(pool::TimePoint now);
  void OnSync(pool::TimePoint now);

  MainContext* main_;
  const policy::SharedLimit shared_;
  const MakeResolver make_resolver_;
  const metrics::Claim claim_;
  metrics::Counter& synced_;
  metrics::Counter& failed_;
  metrics::Counter& dropped_;
  pool::SocketDialer dialer_;

  std::vector<Member> members_;
  size_t next_member_ = 0;  // whose spending is taken out next
  State state_ = State::kPaused;
  pool::Duration pause_ = kFirstPause;
  bool up_ = false;
  bool told_down_ = false;                    // the log says that it is down
  bool served_ = false;                       // connection_ has
  std::shared_ptr<const bool> question_;      // a look-up that outlives it answers nobody
  std::unique_ptr<pool::Resolver> resolver_;  // while it is asked
  std::vector<pool::SocketAddress> addresses_;
  size_t next_address_ = 0;
  std::unique_ptr<pool::DialAttempt> attempt_;  // while connecting
  std::unique_ptr<pool::Connection> connection_;
  std::optional<RedisReplies> replies_;               // of connection_
  size_t awaited_ = 0;                                // replies
  std::string script_;                                // its name there
  std::vector<Told> told_;                            // those of the awaited replies, while syncing
  bool more_ = false;                                 // is to be told than the batch has
  std::vector<policy::SharedSpending::Spent> spent_;  // empty outside Collect and Discard
  pool::MemberTask<RedisLink, &RedisLink::StartSync> more_task_{this};
  pool::MemberTimer<RedisLink, &RedisLink::OnGuard> guard_timer_{this};
  pool::MemberTimer<RedisLink, &RedisLink::OnProof> proof_timer_{this};
  pool::MemberTimer<RedisLink, &RedisLink::OnSync> sync_timer_{this};
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_REDIS_LINK_H_
