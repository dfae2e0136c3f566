#include "gateway/server/worker_set.h"

#include <utility>

#include "gateway/policy/zeroed_pages.h"
#include "pool/net/check.h"

namespace holdfast::server {

using metrics::Metric;

WorkerSet::WorkerSet(MainContext* main, Options options)
    : main_(main), options_(std::move(options)) {
  logs_.emplace(main->clock);
}

WorkerSet::~WorkerSet() {
  MailAll([](Worker& worker) { worker.Stop(); });
  for (auto& worker : workers_) worker->Join();
  // It tells workers by mail what it has found out.
  passwords_.reset();
  peers_.mailboxes.clear();
  // The workers' last lines are on their way to the writers, which tell the workers once they have
  // written them; so are their last spans.
  logs_.reset();
  spans_.reset();
  workers_.clear();
  main_->loop.timers().Cancel(beat_timer_);
}

absl::Status WorkerSet::Create(size_t count) {
  HOLDFAST_CHECK(workers_.empty() && count > 0);
  places_.emplace(count);
  if (const policy::ClientConnections& counts = places_->by_client(); !counts.has_memory()) {
    const std::string why = policy::NoPagesText(
        counts.bytes(), "the connections of each client (max_connections_per_client)");
    places_.reset();
    return absl::ResourceExhaustedError(why);
  }
  shelves_.emplace(count, options_.series_grace);
  passwords_.emplace(main_->clock);
  for (size_t i = 0; i < count; ++i) {
    workers_.push_back(MakeWorker(i));
    peers_.mailboxes.push_back(&workers_.back()->mailbox());
  }
  main_->shard->GaugeFor(Metric::kWorkers, {}).Set(static_cast<int64_t>(count));
  heartbeats_.emplace(count, main_->loop.now());
  return absl::OkStatus();
}

std::unique_ptr<Worker> WorkerSet::MakeWorker(size_t index) {
  Worker::Callbacks callbacks;
  callbacks.on_empty = [this](size_t cut) {
    main_->mailbox.Post([this, cut] { OnWorkerEmpty(cut); });
  };
  callbacks.on_trouble = [this](const std::string& upstream, const pool::SocketAddress& endpoint,
                                const std::string& cause) {
    main_->mailbox.Post(
        [this, upstream, endpoint, cause] { options_.on_trouble(upstream, endpoint, cause); });
  };
  if (options_.want_keys != nullptr) {
    callbacks.want_keys = [this](const std::string& url) {
      main_->mailbox.Post([this, url] { options_.want_keys(url); });
    };
  }
  callbacks.submit_log = [this, index](uint32_t writer, std::string batch) {
    Worker* worker = workers_[index].get();
    logs_->Write(writer, std::move(batch), [worker, writer](bool written) {
      worker->mailbox().Post(
          [worker, writer, written] { worker->OnLogBatchWritten(writer, written); });
    });
  };
  callbacks.submit_spans = [this, index](proxy::SpanQueue::Batch batch) {
    Worker* worker = workers_[index].get();
    spans_->Submit(std::move(batch), [worker](size_t spans) {
      worker->mailbox().Post([worker, spans] { worker->OnSpansDone(spans); });
    });
  };
  return std::make_unique<Worker>(main_->clock, main_->registry.AddShard(),
                                  WorkerPlace{.index = index,
                                              .shelves = &*shelves_,
                                              .places = &*places_,
                                              .peers = &peers_,
                                              .passwords = &*passwords_},
                                  std::move(callbacks));
}

void WorkerSet::Start() {
  for (auto& worker : workers_) worker->Start();
  main_->loop.timers().Arm(beat_timer_, main_->loop.now() + Heartbeats::kInterval);
}

void WorkerSet::Mail(size_t worker, absl::AnyInvocable<void(Worker&)> letter) {
  Worker* addressee = workers_[worker].get();
  addressee->mailbox().Post(
      [addressee, letter = std::move(letter)]() mutable { letter(*addressee); });
}

void WorkerSet::MailAll(const std::function<void(Worker&)>& letter) {
  for (size_t i = 0; i < workers_.size(); ++i) Mail(i, letter);
}

void WorkerSet::SendSpansAs(const config::Config& config) {
  if (!config.tracing.has_value()) return;
  if (!spans_.has_value()) spans_.emplace(main_->clock, main_->registry.AddShard());
  spans_->Configure(*config.tracing, config.dns);
}

uint64_t WorkerSet::RequestsOf(const std::string& upstream) {
  return shelves_.has_value() ? shelves_->RequestsOf(upstream) : 0;
}

std::string WorkerSet::LabelOf(const std::string& upstream, const pool::SocketAddress& endpoint) {
  return shelves_.has_value() ? shelves_->LabelOf(upstream, endpoint) : endpoint.ToString();
}

void WorkerSet::AddTo(metrics::Sums& sums) {
  if (shelves_.has_value()) shelves_->AddTo(main_->loop.now(), sums);
  if (places_.has_value()) places_->AddTo(sums);
}

void WorkerSet::OnWorkerEmpty(size_t exchanges_cut) {
  exchanges_cut_ += exchanges_cut;
  HOLDFAST_CHECK(empty_workers_ < workers_.size());
  if (++empty_workers_ == workers_.size()) options_.on_empty(exchanges_cut_);
}

void WorkerSet::OnBeat(pool::TimePoint now) {
  main_->shard->Retire(now.time_since_epoch(), options_.series_grace);
  for (size_t i = 0; i < workers_.size(); ++i) {
    if (!heartbeats_->BeginPing(i, now)) continue;
    Mail(i, [this, i, grace = options_.series_grace](Worker& worker) {
      worker.PublishStats();
      worker.ReturnMemory();
      // What no scrape may be reading any more is destroyed here, with the letter.
      main_->mailbox.Post([this, i, retired = worker.RetireSeries(grace)] {
        heartbeats_->OnPong(i, main_->loop.now());
      });
    });
  }
  main_->loop.timers().Arm(beat_timer_, now + Heartbeats::kInterval);
}

}  // namespace holdfast::server
