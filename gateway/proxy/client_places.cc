#include "gateway/proxy/client_places.h"

#include <utility>

#include "gateway/proxy/context.h"

namespace holdfast::proxy {

std::optional<ListenerPlaces::Idle> ListenerPlaces::LongestIdle() const {
  int64_t longest = kNobody;
  size_t worker = 0;
  for (size_t i = 0; i < slots_.size(); ++i) {
    const int64_t since = slots_[i].idle_since.load(std::memory_order_relaxed);
    if (since >= longest) continue;
    longest = since;
    worker = i;
  }
  if (longest == kNobody) return std::nullopt;
  return Idle{.worker = worker, .since = pool::TimePoint(pool::Duration(longest))};
}

std::shared_ptr<ListenerPlaces> ClientPlaces::Of(const std::string& listener) {
  const std::lock_guard lock(mutex_);
  std::erase_if(listeners_, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<ListenerPlaces>& known = listeners_[listener];
  std::shared_ptr<ListenerPlaces> places = known.lock();
  if (places == nullptr) {
    places = std::make_shared<ListenerPlaces>(slots_.size());
    known = places;
  }
  return places;
}

void ClientPlaces::Join(size_t worker, WorkerContext* context, const pool::Peers* peers) {
  slots_[worker].context = context;
  peers_ = peers;
}

void ClientPlaces::WakeWaiting(size_t worker) {
  for (size_t i = 0; i < slots_.size(); ++i) {
    // Reads first, because nearly always nobody waits and the cache line stays shared.
    if (!slots_[i].waiting.load() || !slots_[i].waiting.exchange(false)) continue;
    if (i == worker) {
      slots_[i].context->AcceptAgain();
    } else {
      Post(i, [context = slots_[i].context] { context->AcceptAgain(); });
    }
  }
}

void ClientPlaces::AddTo(metrics::Sums& sums) {
  using metrics::Metric;
  const auto add = [&](Metric metric, const std::string& label, size_t value) {
    sums.Add<metrics::Gauge>(metric, {label}, static_cast<int64_t>(value));
  };
  add(Metric::kLimitUsed, "client_connections", all_.taken());
  if (all_.limit() != pool::kNoLimit) add(Metric::kLimitMax, "client_connections", all_.limit());
  add(Metric::kMemoryBytes, "client_counts", by_client_.bytes());
  const std::lock_guard lock(mutex_);
  for (const auto& [name, known] : listeners_) {
    const std::shared_ptr<ListenerPlaces> places = known.lock();
    if (places == nullptr || places->count().limit() == pool::kNoLimit) continue;
    add(Metric::kClientConnectionsMax, name, places->count().limit());
  }
}

void ClientPlaces::Post(size_t worker, pool::Mailbox::Letter letter) const {
  if (peers_ != nullptr) peers_->Post(worker, std::move(letter));
}

void ClientPlaces::PostWith(size_t worker, absl::AnyInvocable<void(WorkerContext&)> letter) const {
  Post(worker, [context = slots_[worker].context, letter = std::move(letter)]() mutable {
    letter(*context);
  });
}

}  // namespace holdfast::proxy
