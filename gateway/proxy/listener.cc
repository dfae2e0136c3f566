#include "gateway/proxy/listener.h"

#include <poll.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "gateway/proxy/context.h"
#include "gateway/proxy/intake.h"
#include "gateway/proxy/session.h"
#include "pool/net/check.h"

namespace holdfast::proxy {

using metrics::Metric;
using pool::TimePoint;

Listener::Cells::Cells(metrics::Shard* shard, std::string_view listener)
    : claim(shard->ClaimSeries("listener", listener)),
      idle(shard->GaugeFor(Metric::kClientConnections, {listener, "idle"})),
      active(shard->GaugeFor(Metric::kClientConnections, {listener, "active"})),
      streams(shard->GaugeFor(Metric::kClientStreams, {listener})),
      in_flight(shard->GaugeFor(Metric::kClientRequestsInFlight, {listener})),
      accepted(shard->CounterFor(Metric::kClientConnectionsAcceptedTotal, {listener})),
      request_bytes(shard->CounterFor(Metric::kRequestBytesTotal, {listener})),
      response_bytes(shard->CounterFor(Metric::kResponseBytesTotal, {listener})),
      shard_(shard),
      listener_(listener) {}

metrics::Counter& Listener::Cells::ClosedFor(std::string_view reason) {
  for (const auto& [name, cell] : closed_) {
    if (name == reason) return *cell;
  }
  metrics::Counter& cell =
      shard_->CounterFor(Metric::kClientConnectionsClosedTotal, {listener_, reason});
  closed_.emplace_back(reason, &cell);
  return cell;
}

metrics::Histogram& Listener::Cells::requests() {
  if (requests_ == nullptr) {
    requests_ = &shard_->HistogramFor(Metric::kClientConnectionRequests, {listener_});
  }
  return *requests_;
}

Listener::Listener(WorkerContext* context, pool::FileDescriptor socket,
                   std::shared_ptr<const config::Listener> config, uint32_t index)
    : context_(context),
      config_(std::move(config)),
      index_(index),
      places_(context->places->Of(config_->name)),
      cells_(context->shard, config_->name) {
  places_->count().SetLimit(config_->max_connections);
  places_->Join(context_->worker, this);
  context_->listeners.push_back(this);
  AcceptAlsoOn(std::move(socket));
}

void Listener::AcceptAlsoOn(pool::FileDescriptor socket) {
  acceptors_.push_back(std::make_unique<pool::Acceptor>(context_->loop, std::move(socket),
                                                        static_cast<pool::AcceptorEvents*>(this)));
  ConfigureTcp(*acceptors_.back());
}

Listener::~Listener() {
  HOLDFAST_CHECK(sessions_ == 0 && idle_.empty());
  StandDown();
}

void Listener::Configure(std::shared_ptr<const config::Listener> config, uint32_t index) {
  config_ = std::move(config);
  index_ = index;
  ++generation_;
  places_->count().SetLimit(config_->max_connections);
  for (auto& acceptor : acceptors_) ConfigureTcp(*acceptor);
  AcceptAgain();
}

void Listener::ConfigureTcp(pool::Acceptor& acceptor) {
  acceptor.Configure(config_->tcp.options, static_cast<int>(config_->tcp.backlog));
}

// Takes no part in who accepts and who gives way any more.
void Listener::StandDown() {
  ReturnUnused();
  std::erase(context_->at_cap, this);
  std::erase(context_->listeners, this);
  context_->loop->timers().Cancel(room_timer_);
  // Another one of the same name may have taken its place.
  if (places_->listener(context_->worker) != this) return;
  places_->Join(context_->worker, nullptr);
  places_->ShowIdle(context_->worker, std::nullopt);
}

const ViewPin& Listener::view() const { return draining() ? last_view_ : context_->view; }

void Listener::Retire(ViewPin view) {
  if (draining()) return;
  last_view_ = std::move(view);
  StandDown();
  for (auto& acceptor : std::exchange(acceptors_, {})) {
    acceptor->Pause();
    context_->loop->DestroyLater(std::move(acceptor));
  }
}

void Listener::Leave() {
  HOLDFAST_CHECK(draining());
  if (!leaving()) leaving_since_ = context_->loop->now();
}

bool Listener::TakePlace() {
  pool::BoundedCount& all = context_->places->all();
  // Looking first: one that is taken in vain could keep another worker from a place.
  if (place_taken_ || places_->count().full() || all.full()) return place_taken_;
  if (!all.Take()) return false;
  place_taken_ = places_->count().Take();
  if (place_taken_) return true;
  all.Return();
  context_->places->WakeWaiting(context_->worker);
  return false;
}

void Listener::ReturnPlace() {
  places_->count().Return();
  context_->places->all().Return();
  context_->places->WakeWaiting(context_->worker);
}

void Listener::ReturnUnused() {
  ReturnClientPlace(TakeClientPlace());
  if (std::exchange(place_taken_, false)) ReturnPlace();
}

bool Listener::CountClient(const pool::SocketAddress& client) {
  using Verdict = policy::ClientConnections::Verdict;
  ReturnClientPlace(TakeClientPlace());  // Of one that came to nothing.
  switch (context_->places->by_client().Take(
      config_->name, client, *config_->max_connections_per_client, &client_place_)) {
    case Verdict::kRefused: return false;
    case Verdict::kNoRoom:
      context_->shard->CounterFor(Metric::kClientConnectionsUncountedTotal, {config_->name}).Add();
      return true;
    case Verdict::kCounted:
    case Verdict::kNoAddress: return true;
  }
  HOLDFAST_CHECK(false);
}

void Listener::ReturnClientPlace(policy::ClientConnections::Place place) {
  if (place == policy::ClientConnections::Place::kNowhere) return;
  context_->places->by_client().Return(place);
}

void Listener::OnSessionOpened() {
  HOLDFAST_CHECK(place_taken_);
  place_taken_ = pause_counted_ = false;
  ++sessions_;
}

void Listener::OnSessionClosed() {
  HOLDFAST_CHECK(sessions_ > 0);
  --sessions_;
  ReturnPlace();
}

void Listener::OnSessionIdle(IdleSession& session) {
  idle_.PushBack(session);
  if (idle_.front() == &session) ShowIdle();
}

void Listener::OnSessionBusy(IdleSession& session) {
  const bool longest = idle_.front() == &session;
  idle_.Remove(session);
  if (longest) ShowIdle();
}

void Listener::ShowIdle() {
  if (places_->listener(context_->worker) != this) return;
  std::optional<TimePoint> since;
  if (!idle_.empty()) since = static_cast<Session*>(idle_.front())->idle_since();
  places_->ShowIdle(context_->worker, since);
}

void Listener::AcceptAgain() {
  for (auto& acceptor : acceptors_) {
    if (acceptor->paused()) acceptor->Resume();
  }
}

bool Listener::paused() const {
  return std::ranges::any_of(acceptors_, [](const auto& acceptor) { return acceptor->paused(); });
}

bool Listener::EvictIdle(TimePoint since) {
  IdleSession* next = idle_.front();
  for (int looks = 0; looks < kMaxLooks && next != nullptr; ++looks) {
    auto* const session = static_cast<Session*>(next);
    next = decltype(idle_)::Next(*next);
    if (session->idle_since() > since) return false;
    if (session->GiveWay()) return true;
  }
  return false;
}

// The acceptor asks before it knows.
bool Listener::SomebodyWaits() const {
  return std::ranges::any_of(acceptors_, [](const auto& acceptor) {
    pollfd queue{.fd = acceptor->fd(), .events = POLLIN, .revents = 0};
    return poll(&queue, 1, /*timeout=*/0) == 1;
  });
}

bool Listener::MakeRoom() {
  if (!SomebodyWaits()) {
    LookAgainAt(context_->loop->now());
    return false;
  }
  Listener* holder = nullptr;
  ListenerPlaces::Idle longest{.worker = 0, .since = TimePoint::max()};
  for (Listener* listener : context_->listeners) {
    // At its own cap only its own clients make room.
    if (places_->count().full() && listener != this) continue;
    const auto idle = listener->places_->LongestIdle();
    if (!idle.has_value() || idle->since >= longest.since) continue;
    longest = *idle;
    holder = listener;
  }
  const TimePoint now = context_->loop->now();
  if (holder == nullptr || now < longest.since + kGivesWayAfter) {
    LookAgainAt(holder == nullptr ? now + kGivesWayAfter : longest.since + kGivesWayAfter);
    return false;
  }
  LookAgainAt(now + kRoomRetry);
  if (longest.worker == context_->worker) return holder->EvictIdle(longest.since);
  context_->places->Post(longest.worker, [places = holder->places_, longest] {
    Listener* const there = places->listener(longest.worker);
    if (there != nullptr) there->EvictIdle(longest.since);
  });
  return false;
}

void Listener::LookAgainAt(TimePoint when) { context_->loop->timers().Arm(room_timer_, when); }

void Listener::OnRoomTimer(TimePoint) {
  if (!paused()) return;
  const bool full = places_->count().full() || context_->places->all().full();
  // Nobody gives way for nobody: then the next who comes is waited for. Whoever does give way wakes
  // those that wait.
  if (!full || !SomebodyWaits()) return AcceptAgain();
  if (!MakeRoom()) CountPause(kConnectionCap);
}

void Listener::OnAccept(pool::FileDescriptor socket, const pool::SocketAddress& peer) {
  Intake::Accept(this, std::move(socket), peer);
}

void Listener::OnAcceptError(int error) {
  const char* name = strerrorname_np(error);
  context_->shard
      ->CounterFor(Metric::kAcceptErrorsTotal, {config_->name, name != nullptr ? name : "unknown"})
      .Add();
}

void Listener::CountUnwatched() {
  context_->shard->CounterFor(Metric::kClientConnectionsRefusedTotal, {config_->name, "epoll"})
      .Add();
}

// The kernel keeps who comes now in the backlog; whoever gives a place back wakes this worker.
bool Listener::MayAccept() {
  if (TakePlace() || (MakeRoom() && TakePlace())) return MayBeginHandshake();
  context_->places->ShowWaiting(context_->worker);
  // It came free before anybody could know that we wait.
  if (TakePlace()) return MayBeginHandshake();
  std::vector<Listener*>& at_cap = context_->at_cap;
  if (std::ranges::find(at_cap, this) == at_cap.end()) at_cap.push_back(this);
  if (SomebodyWaits()) CountPause(kConnectionCap);
  return false;
}

// With a place taken, which goes back when it is of no use.
bool Listener::MayBeginHandshake() {
  Handshakes& handshakes = context_->handshakes;
  if (!config_->tls.has_value() || !handshakes.full()) return true;
  // The acceptor asks before it knows.
  if (SomebodyWaits()) {
    if (handshakes.MakeRoom(context_->loop->now())) return true;
    CountPause("handshakes");
  }
  ReturnUnused();
  LookAgainAt(context_->loop->now() + kRoomRetry);
  return false;
}

void Listener::CountPause(std::string_view reason) {
  if (std::exchange(pause_counted_, true)) return;
  context_->shard->CounterFor(Metric::kClientConnectionsRefusedTotal, {config_->name, reason})
      .Add();
}

}  // namespace holdfast::proxy
