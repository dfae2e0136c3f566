#include "gateway/server/worker.h"

#include <malloc.h>

#include <utility>

#include "gateway/proxy/in_flight_queue.h"
#include "gateway/proxy/mirror.h"
#include "gateway/proxy/response_encoding.h"
#include "gateway/proxy/session.h"
#include "gateway/server/listener_sockets.h"
#include "pool/net/check.h"

namespace holdfast::server {

using metrics::Metric;

namespace {

// What a worker keeps of what it does not need, and how much must have gone back to the allocator
// before that is asked for its free pages, which takes its locks for a moment.
constexpr size_t kSlabsKept = 16;
constexpr size_t kSessionsKept = 64;
constexpr uint64_t kWorthReturning = 256 * 1024;

}  // namespace

Worker::Worker(const pool::Clock* clock, metrics::Shard* shard, const WorkerPlace& place,
               Callbacks callbacks)
    : place_(place),
      callbacks_(std::move(callbacks)),
      loop_(clock),
      tls_(shard),
      random_(static_cast<uint64_t>(clock->WallNow().time_since_epoch().count()) +
              static_cast<uint64_t>(place.index) * 0x9E3779B97F4A7C15u),
      mailbox_(&loop_),
      auth_(&loop_, &mailbox_, place.passwords),
      shard_(shard),
      context_(&loop_, &slabs_, shard, &random_),
      access_log_(&loop_, shard, &random_, callbacks_.submit_log),
      memory_(shard),
      turns_(shard->CounterFor(Metric::kLoopTurnsTotal, {std::to_string(place.index)})),
      busy_(shard->CounterFor(Metric::kLoopBusySecondsTotal, {std::to_string(place.index)})),
      timers_fired_(
          shard->CounterFor(Metric::kLoopTimersFiredTotal, {std::to_string(place.index)})) {
  context_.worker = place.index;
  context_.client_transports = &tls_;
  context_.upstream_streams = &upstream_streams_;
  context_.places = place.places;
  context_.auth = &auth_;
  context_.want_keys = callbacks_.want_keys;
  place.places->Join(place.index, &context_, place.peers);
}

// The thread has ended; what is left of its work ends here in the order of who needs whom.
Worker::~Worker() {
  CutAll();  // In case the loop never ran.
  // Nobody has waited for the copies that are still under way.
  context_.mirrors.reset();
  context_.view = proxy::ViewPin();
  clusters_.clear();
  listeners_.clear();
  retired_.clear();
  loop_.DestroyAside();
}

void Worker::Start() {
  thread_ = std::thread([this] {
    loop_.Run();
    // A client that came in the last turn, after Stop, may have begun something. Nobody takes
    // records once the threads have ended.
    CutAll();
    FlushRecords();
  });
}

void Worker::Join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::Adopt(WorkerUpdate update) {
  place_.shelves->SetConnectionLimit(update.shares.upstreams);
  place_.shelves->SetIdleLimit(update.shares.idle_upstreams);
  place_.places->all().SetLimit(update.shares.clients);
  const std::vector<config::AccessLog>& logs = update.snapshot->config().access_log;
  access_log_.Adopt(logs);
  context_.access_log = logs.empty() ? nullptr : &access_log_;
  AdoptTracing(update);
  tls_.Adopt(std::move(update.tls));
  upstream_streams_.Configure(update.snapshot->config().upstreams);
  // The view first: a session may begin as soon as there is a listener.
  const proxy::ViewPin old_view = context_.view;
  context_.view =
      proxy::ViewPin(new proxy::View(&loop_, shard_, update.snapshot, AdoptClusters(update)));
  context_.in_flight->Adopt(update.snapshot->routes());
  AdoptListeners(update, old_view);
  ForEachSession([](proxy::Session& session) { session.OnReconfigured(); });
  ReapRetired();
}

void Worker::AdoptTracing(const WorkerUpdate& update) {
  const std::optional<config::Tracing>& tracing = update.snapshot->config().tracing;
  if (tracing.has_value()) {
    if (!spans_.has_value()) spans_.emplace(&loop_, shard_, callbacks_.submit_spans);
    spans_->Configure(update.shares.spans, tracing->max_batch);
  } else if (spans_.has_value()) {
    spans_->Flush();
  }
  context_.spans = tracing.has_value() ? &*spans_ : nullptr;
}

void Worker::FlushRecords() {
  access_log_.Flush();
  if (spans_.has_value()) spans_->Flush();
}

template <class Function>
void Worker::ForEachSession(Function function) {
  for (proxy::Session* session = context_.sessions.front(); session != nullptr;) {
    proxy::Session* next = decltype(context_.sessions)::Next(*session);
    function(*session);
    session = next;
  }
}

void Worker::AdoptListeners(WorkerUpdate& update, const proxy::ViewPin& old_view) {
  const config::Config& config = update.snapshot->config();
  std::map<std::string, std::unique_ptr<proxy::Listener>> next;
  for (uint32_t i = 0; i < config.listeners.size(); ++i) {
    const config::Listener& listener = config.listeners[i];
    std::shared_ptr<const config::Listener> shared(update.snapshot, &listener);
    const std::string key = ListenerKey(listener);
    if (const auto known = listeners_.find(key); known != listeners_.end()) {
      known->second->Configure(std::move(shared), i);
      next[key] = std::move(known->second);
      listeners_.erase(known);
      continue;
    }
    std::vector<pool::FileDescriptor>& sockets = update.sockets[key];
    HOLDFAST_CHECK(!sockets.empty());
    next[key] = std::make_unique<proxy::Listener>(&context_, std::move(sockets.front()),
                                                  std::move(shared), i);
    for (size_t j = 1; j < sockets.size(); ++j) next[key]->AcceptAlsoOn(std::move(sockets[j]));
  }
  for (auto& [key, listener] : listeners_) {
    listener->Retire(old_view);
    listener->Leave();
    ForEachSession([&](proxy::Session& session) {
      if (session.listener() == listener.get()) session.BeginDrain();
    });
    retired_.push_back(std::move(listener));
  }
  listeners_ = std::move(next);
}

std::vector<std::shared_ptr<pool::Cluster>> Worker::AdoptClusters(const WorkerUpdate& update) {
  std::map<std::string, std::shared_ptr<pool::Cluster>> next;
  std::vector<std::shared_ptr<pool::Cluster>> in_order;
  const pool::PoolContext pool_context{.loop = &loop_,
                                       .slabs = &slabs_,
                                       .dialer = &dialer_,
                                       .random = &random_,
                                       .shelves = place_.shelves,
                                       .peers = place_.peers,
                                       .worker = place_.index,
                                       .pools = &pools_,
                                       .protocols = &upstream_streams_,
                                       .on_trouble = callbacks_.on_trouble};
  for (const config::Upstream& upstream : update.snapshot->config().upstreams) {
    const auto endpoints = update.endpoints.find(upstream.name);
    HOLDFAST_CHECK(endpoints != update.endpoints.end());
    const auto known = clusters_.find(upstream.name);
    std::shared_ptr<pool::Cluster> cluster =
        known != clusters_.end() ? known->second
                                 : std::make_shared<pool::Cluster>(pool_context, shard_,
                                                                   upstream.name, upstream.cluster);
    cluster->Adopt(upstream.cluster, endpoints->second);
    next[upstream.name] = cluster;
    in_order.push_back(std::move(cluster));
  }
  for (auto& [name, cluster] : clusters_) {
    if (!next.contains(name)) cluster->Drain();
  }
  clusters_ = std::move(next);
  return in_order;
}

void Worker::SetEndpoints(const std::string& upstream, const pool::EndpointSet& endpoints) {
  // A reload on its way may have dropped the upstream.
  const auto cluster = clusters_.find(upstream);
  if (cluster == clusters_.end()) return;
  cluster->second->SetEndpoints(endpoints);
}

void Worker::SetChallenges(const std::shared_ptr<const acme::Challenges>& challenges) {
  tls_.UseChallenges(challenges != nullptr ? challenges->certificates : nullptr);
  const bool tokens = challenges != nullptr && !challenges->tokens.empty();
  context_.challenges = tokens ? challenges : nullptr;
}

void Worker::BeginDrain() {
  context_.draining = true;
  ForEachSession([](proxy::Session& session) { session.AskToLeave(); });
}

void Worker::CloseListeners() {
  BeginDrain();
  for (auto& [key, listener] : listeners_) listener->Retire(context_.view);
  context_.when_empty = &empty_task_;
  if (context_.sessions.empty()) loop_.Queue(empty_task_);
}

void Worker::StopAccepting() {
  CloseListeners();
  for (auto& [key, listener] : listeners_) listener->Leave();
  ForEachSession([](proxy::Session& session) { session.BeginDrain(); });
}

void Worker::CutAll() {
  ForEachSession([this](proxy::Session& session) { exchanges_cut_ += session.Cut() ? 1 : 0; });
}

void Worker::OnEmpty() {
  if (std::exchange(told_empty_, true)) return;
  FlushRecords();
  callbacks_.on_empty(exchanges_cut_);
}

void Worker::ReapRetired() {
  std::erase_if(retired_, [](const auto& listener) { return listener->sessions() == 0; });
}

void Worker::OnLogBatchWritten(uint32_t writer, bool written) {
  access_log_.OnBatchWritten(writer, written);
}

void Worker::PublishStats() {
  const pool::LoopStats& stats = loop_.stats();
  turns_.Add(stats.turns - published_.turns);
  busy_.Add(static_cast<uint64_t>((stats.busy - published_.busy).count()));
  timers_fired_.Add(stats.timers_fired - published_.timers_fired);
  published_ = stats;
  memory_.Publish(context_);
  ReapRetired();
}

void Worker::ReturnMemory() {
  if (loop_.now() < return_at_) return;
  return_at_ = loop_.now() + kReturnInterval;
  slabs_.Trim(kSlabsKept);
  context_.http1_sessions.Trim(kSessionsKept);
  context_.encoding->encoders.Trim();
  const uint64_t freed = slabs_.freed_bytes() + context_.http1_sessions.freed_bytes();
  if (freed - returned_bytes_ < kWorthReturning) return;
  returned_bytes_ = freed;
  malloc_trim(0);
}

metrics::RetiredSeries Worker::RetireSeries(pool::Duration grace) {
  return shard_->Retire(loop_.now().time_since_epoch(), grace);
}

void Worker::Stop() {
  CutAll();
  FlushRecords();
  loop_.Stop();
}

}  // namespace holdfast::server
