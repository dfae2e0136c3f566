#ifndef HOLDFAST_GATEWAY_PROXY_CLIENT_PLACES_H_
#define HOLDFAST_GATEWAY_PROXY_CLIENT_PLACES_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <absl/functional/any_invocable.h>

#include "gateway/policy/client_connections.h"
#include "metrics/sums.h"
#include "pool/bounded_count.h"
#include "pool/net/clock.h"
#include "pool/peers.h"

namespace holdfast::proxy {

class Listener;
struct WorkerContext;

// Door 5: how many clients one listener may have in the whole process, and in which worker one has
// been idle longest.
//
// Any worker's thread; each writes its own slot, on a cache line of its own.
class ListenerPlaces {
 public:
  struct Idle {
    size_t worker;
    pool::TimePoint since;
  };

  explicit ListenerPlaces(size_t workers) : slots_(workers) {}

  pool::BoundedCount& count() { return count_; }

  // Sets the worker's part of the listener, on its own thread only; null: it no longer takes part.
  void Join(size_t worker, Listener* listener) { slots_[worker].listener = listener; }
  Listener* listener(size_t worker) const { return slots_[worker].listener; }

  // Shows since when the worker's longest idle connection has been idle; nullopt: it has none.
  void ShowIdle(size_t worker, std::optional<pool::TimePoint> since) {
    slots_[worker].idle_since.store(
        since.value_or(pool::TimePoint::max()).time_since_epoch().count(),
        std::memory_order_relaxed);
  }
  // The connection that has been idle longest, as far as the workers have shown it.
  std::optional<Idle> LongestIdle() const;

 private:
  static constexpr int64_t kNobody = pool::TimePoint::max().time_since_epoch().count();

  struct alignas(64) Slot {
    std::atomic<int64_t> idle_since{kNobody};  // TimePoint's count
    Listener* listener = nullptr;              // its worker's alone
  };

  std::vector<Slot> slots_;
  pool::BoundedCount count_;
};

// Door 5: the places for clients, of the process and of each listener in it. A worker that finds no
// place left stops accepting, says so here, and looks once more. Whoever gives a place back wakes
// all that have said so. So no free place is missed, whichever worker's queue the next client waits
// in.
//
// Any thread, unless said otherwise. Outlives the workers' contexts.
class ClientPlaces {
 public:
  explicit ClientPlaces(size_t workers) : slots_(workers) {}

  // The places of all listeners together.
  pool::BoundedCount& all() { return all_; }
  // What each client has of them at listeners with max_connections_per_client.
  policy::ClientConnections& by_client() { return by_client_; }
  // The places of one listener, made at the first call and gone with the last who holds them.
  std::shared_ptr<ListenerPlaces> Of(const std::string& listener);

  // Says before the workers run whom to wake and where letters to it go (null: nowhere).
  void Join(size_t worker, WorkerContext* context, const pool::Peers* peers);

  void ShowWaiting(size_t worker) { slots_[worker].waiting.store(true); }
  // On the thread of `worker`, after a place was given back: that worker's listeners go on in this
  // call, the others' when they read their mail.
  void WakeWaiting(size_t worker);
  // Runs `letter` on the thread of another worker.
  void Post(size_t worker, pool::Mailbox::Letter letter) const;
  // The limits and what is taken of them, for a scrape.
  void AddTo(metrics::Sums& sums);
  // The same with what that worker has.
  void PostWith(size_t worker, absl::AnyInvocable<void(WorkerContext&)> letter) const;

 private:
  struct alignas(64) Slot {
    std::atomic<bool> waiting{false};
    WorkerContext* context = nullptr;  // only its worker uses what it points to
  };

  std::vector<Slot> slots_;
  const pool::Peers* peers_ = nullptr;
  pool::BoundedCount all_;
  policy::ClientConnections by_client_;
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<ListenerPlaces>> listeners_;  // under mutex_
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_CLIENT_PLACES_H_
