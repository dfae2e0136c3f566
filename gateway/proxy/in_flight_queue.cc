#include "gateway/proxy/in_flight_queue.h"

#include <absl/container/flat_hash_set.h>

#include "pool/net/check.h"

namespace holdfast::proxy {

using metrics::Metric;
using policy::InFlight;
using Verdict = InFlightPlace::Verdict;

void InFlightPlace::MoveTo(State next) {
  switch (next) {
    case State::kWaiting: HOLDFAST_CHECK(state_ == State::kNone); break;
    case State::kBrought: HOLDFAST_CHECK(state_ == State::kWaiting); break;
    case State::kHeld: HOLDFAST_CHECK(state_ == State::kNone || state_ == State::kBrought); break;
    case State::kNone: HOLDFAST_CHECK(state_ != State::kNone); break;
  }
  state_ = next;
  if (next == State::kNone) queue_ = nullptr;
}

Verdict InFlightPlace::Ask(const route::Route& route) {
  HOLDFAST_CHECK(state_ == State::kNone);
  queue_ = &context_->in_flight->Of(route);
  return queue_->Ask(*this, *route.max_in_flight);
}

std::optional<pool::TimePoint> InFlightPlace::wake_at() const {
  if (state_ != State::kWaiting) return std::nullopt;
  return deadline_;
}

void InFlightPlace::GiveUp() {
  HOLDFAST_CHECK(state_ == State::kWaiting);
  queue_->EndWait(*this, InFlightResult::kTimeout);
}

void InFlightPlace::GiveBack() {
  if (state_ == State::kNone) return;
  if (state_ == State::kWaiting) return queue_->EndWait(*this, InFlightResult::kLeft);
  queue_->GiveBack(*this);
}

InFlightQueue::InFlightQueue(WorkerContext* context, const route::Route& route)
    : context_(context),
      in_flight_(route.in_flight),
      claim_(context->shard->ClaimSeries("route", route.name)),
      held_cell_(context->shard->GaugeFor(Metric::kRouteInFlight, {route.name})),
      waiting_cell_(context->shard->GaugeFor(Metric::kRouteInFlightWaiting, {route.name})) {
  for (size_t i = 0; i < results_.size(); ++i) {
    results_[i] = &context->shard->CounterFor(Metric::kInFlightRequestsTotal,
                                              {route.name, kInFlightResultWords.words()[i]});
  }
}

Verdict InFlightQueue::Ask(InFlightPlace& place, const config::MaxInFlight& rule) {
  if (rule.shadow) {
    Count(in_flight_->TakeAnyway() ? InFlightResult::kAtOnce : InFlightResult::kShadow);
    Hold(place);
    return Verdict::kHeld;
  }
  if (in_flight_->TakeAtOnce()) {
    Count(InFlightResult::kAtOnce);
    Hold(place);
    return Verdict::kHeld;
  }
  if (!in_flight_->BeginWait(context_->worker, rule.queue.size)) {
    Count(InFlightResult::kFull);
    place.queue_ = nullptr;
    return Verdict::kFull;
  }
  place.MoveTo(InFlightPlace::State::kWaiting);
  place.deadline_ = context_->loop->now() + rule.queue.timeout;
  waiting_.PushBack(place);
  waiting_cell_.Add(1);
  // The second look, without which a place that has just come back could be missed.
  while (!waiting_.empty() && in_flight_->Take()) Bring();
  return Verdict::kPending;
}

void InFlightQueue::Hold(InFlightPlace& place) {
  place.MoveTo(InFlightPlace::State::kHeld);
  ++held_;
  held_cell_.Add(1);
}

void InFlightQueue::EndWait(InFlightPlace& place, InFlightResult result) {
  waiting_.Remove(place);
  waiting_cell_.Add(-1);
  in_flight_->EndWait(context_->worker, waiting_.empty());
  place.MoveTo(InFlightPlace::State::kNone);
  Count(result);
}

void InFlightQueue::GiveBack(InFlightPlace& place) {
  if (place.state_ == InFlightPlace::State::kBrought) {
    brought_.Remove(place);
    Count(InFlightResult::kLeft);
  } else {
    --held_;
    held_cell_.Add(-1);
  }
  place.MoveTo(InFlightPlace::State::kNone);
  context_->in_flight->GiveBack(in_flight_);
}

bool InFlightQueue::Bring() {
  if (waiting_.empty()) return false;
  InFlightPlace& place = *waiting_.front();
  waiting_.Remove(place);
  waiting_cell_.Add(-1);
  in_flight_->EndWait(context_->worker, waiting_.empty());
  place.MoveTo(InFlightPlace::State::kBrought);
  brought_.PushBack(place);
  context_->loop->Queue(tell_task_);
  return true;
}

void InFlightQueue::BringAll() {
  while (!waiting_.empty()) {
    in_flight_->TakeAnyway();
    Bring();
  }
}

// Those to whom a place is brought meanwhile hear of it in the next turn.
void InFlightQueue::TellThem() {
  for (size_t left = brought_.size(); left > 0 && !brought_.empty(); --left) {
    InFlightPlace& place = *brought_.front();
    brought_.Remove(place);
    Count(InFlightResult::kWaited);
    Hold(place);
    place.events_->OnPlaceHad();
  }
  if (!brought_.empty()) context_->loop->Queue(tell_task_);
}

InFlightQueue& InFlightQueues::Of(const route::Route& route) {
  std::unique_ptr<InFlightQueue>& queue = queues_[route.in_flight.get()];
  if (queue == nullptr) queue = std::make_unique<InFlightQueue>(context_, route);
  return *queue;
}

void InFlightQueues::Adopt(const route::RouteTable& routes) {
  absl::flat_hash_set<const InFlight*> present;
  for (const route::Route& route : routes.routes()) {
    if (route.in_flight == nullptr) continue;
    present.insert(route.in_flight.get());
    InFlightQueue& queue = Of(route);
    InFlight& in_flight = queue.in_flight();
    in_flight.SetLimit(route.max_in_flight->requests);
    // Those who come from now on take places past those who wait, who would get none.
    if (route.max_in_flight->shadow) queue.BringAll();
    for (uint32_t left = in_flight.waiting(); left > 0; --left) {
      const std::optional<size_t> worker = in_flight.Offer();
      if (!worker.has_value()) break;
      Send(*worker, route.in_flight);
    }
  }
  absl::erase_if(queues_, [&present](const auto& entry) {
    return entry.second->idle() && !present.contains(entry.first);
  });
}

void InFlightQueues::Bring(const std::shared_ptr<InFlight>& in_flight) {
  const auto queue = queues_.find(in_flight.get());
  if (queue != queues_.end() && queue->second->Bring()) return;
  GiveBack(in_flight);
}

void InFlightQueues::GiveBack(const std::shared_ptr<InFlight>& in_flight) {
  const std::optional<size_t> worker = in_flight->Return();
  if (worker.has_value()) Send(*worker, in_flight);
}

void InFlightQueues::Send(size_t worker, const std::shared_ptr<InFlight>& in_flight) {
  if (worker == context_->worker) return Bring(in_flight);
  context_->places->PostWith(
      worker, [in_flight](WorkerContext& other) { other.in_flight->Bring(in_flight); });
}

}  // namespace holdfast::proxy
