#ifndef HOLDFAST_GATEWAY_PROXY_IN_FLIGHT_QUEUE_H_
#define HOLDFAST_GATEWAY_PROXY_IN_FLIGHT_QUEUE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include <absl/container/flat_hash_map.h>

#include "gateway/policy/in_flight.h"
#include "gateway/proxy/context.h"
#include "gateway/route/route_table.h"
#include "metrics/shard.h"
#include "pool/net/event_loop.h"
#include "pool/net/intrusive_list.h"
#include "pool/net/word_table.h"

namespace holdfast::proxy {

class InFlightQueue;

// What became of a request that asked for a place.
enum class InFlightResult : uint8_t {
  kAtOnce,
  kWaited,   // it got one
  kFull,     // as many waited as may
  kTimeout,  // it waited for as long as it may
  kLeft,     // it ended otherwise while it waited
  kShadow,   // it went on and had to have waited
};
inline constexpr auto kInFlightResultWords = pool::Words<InFlightResult>({
    {"at_once", InFlightResult::kAtOnce},
    {"waited", InFlightResult::kWaited},
    {"full", InFlightResult::kFull},
    {"timeout", InFlightResult::kTimeout},
    {"left", InFlightResult::kLeft},
    {"shadow", InFlightResult::kShadow},
});

// Hears that it has the place for which it waited. The call comes from the loop, never from inside
// a call to the place.
class InFlightEvents {
 public:
  virtual void OnPlaceHad() = 0;

 protected:
  ~InFlightEvents() = default;
};

// One request's place among those that a route may have under way, or its wait for one. Embedded in
// who asks; destruction gives the place back, or ends the wait. Loop thread.
class InFlightPlace final : public pool::ListNode<InFlightPlace> {
 public:
  enum class Verdict : uint8_t {
    kHeld,
    kPending,  // the events tell
    kFull,
  };

  // Both outlive it.
  InFlightPlace(WorkerContext* context, InFlightEvents* events)
      : context_(context), events_(events) {}
  ~InFlightPlace() { GiveBack(); }

  // `route` has max_in_flight; there is nothing to be given back.
  Verdict Ask(const route::Route& route);
  // When GiveUp is due; nullopt: it does not wait.
  std::optional<pool::TimePoint> wake_at() const;
  // It waits, and has waited for as long as it may.
  void GiveUp();
  // Whether it has a place, waits, or neither.
  void GiveBack();

 private:
  friend class InFlightQueue;
  enum class State : uint8_t {
    kNone,
    kWaiting,
    kBrought,  // it has a place, and is to hear of it
    kHeld,
  };

  void MoveTo(State next);

  WorkerContext* context_;
  InFlightEvents* events_;
  InFlightQueue* queue_ = nullptr;  // unless kNone
  State state_ = State::kNone;
  pool::TimePoint deadline_;  // of the wait
};

// Those of one worker that have a place of one route or wait for it, the latter in the order in
// which they came. Loop thread. Part of the worker's InFlightQueues; idle when it is destroyed.
class InFlightQueue {
 public:
  InFlightQueue(WorkerContext* context, const route::Route& route);

  policy::InFlight& in_flight() { return *in_flight_; }
  InFlightPlace::Verdict Ask(InFlightPlace& place, const config::MaxInFlight& rule);
  // The place's wait ends without one.
  void EndWait(InFlightPlace& place, InFlightResult result);
  void GiveBack(InFlightPlace& place);
  // A place that was taken for somebody here goes to who waits longest. False: nobody does.
  bool Bring();
  // Nobody is to wait any more: all have a place, whether or not there is one.
  void BringAll();
  // Nobody has a place of it or waits for one.
  bool idle() const { return held_ == 0 && waiting_.empty() && brought_.empty(); }

 private:
  void Hold(InFlightPlace& place);
  void Count(InFlightResult result) { results_[static_cast<size_t>(result)]->Add(); }
  void TellThem();

  WorkerContext* context_;
  std::shared_ptr<policy::InFlight> in_flight_;
  metrics::Claim claim_;  // for the cells
  metrics::Gauge& held_cell_;
  metrics::Gauge& waiting_cell_;
  std::array<metrics::Counter*, kInFlightResultWords.size()> results_{};
  pool::IntrusiveList<InFlightPlace> waiting_;  // front: waits longest
  pool::IntrusiveList<InFlightPlace> brought_;  // have a place, and are to hear of it
  size_t held_ = 0;                             // have one, and know it
  pool::MemberTask<InFlightQueue, &InFlightQueue::TellThem> tell_task_{this};
};

// The queues of one worker, one for each route that has max_in_flight, across reloads. Loop thread;
// owned by the worker's context. Places are given back before it goes.
class InFlightQueues {
 public:
  explicit InFlightQueues(WorkerContext* context) : context_(context) {}
  InFlightQueues(const InFlightQueues&) = delete;
  InFlightQueues& operator=(const InFlightQueues&) = delete;

  // `route` has max_in_flight. Good while anybody in it has a place or waits, and until Adopt.
  InFlightQueue& Of(const route::Route& route);
  // These routes' limits hold from now on; whoever finds a place under them gets it.
  void Adopt(const route::RouteTable& routes);
  // A place was taken for somebody here.
  void Bring(const std::shared_ptr<policy::InFlight>& in_flight);
  // A place is free again, here or elsewhere.
  void GiveBack(const std::shared_ptr<policy::InFlight>& in_flight);

 private:
  void Send(size_t worker, const std::shared_ptr<policy::InFlight>& in_flight);

  WorkerContext* context_;
  absl::flat_hash_map<const policy::InFlight*, std::unique_ptr<InFlightQueue>> queues_;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_IN_FLIGHT_QUEUE_H_
