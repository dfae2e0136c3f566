#ifndef HOLDFAST_GATEWAY_SERVER_WORKER_SET_H_
#define HOLDFAST_GATEWAY_SERVER_WORKER_SET_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>

#include "gateway/auth/password_checker.h"
#include "gateway/config/config.h"
#include "gateway/proxy/client_places.h"
#include "gateway/server/heartbeats.h"
#include "gateway/server/log_writers.h"
#include "gateway/server/main_context.h"
#include "gateway/server/span_exporter.h"
#include "gateway/server/worker.h"
#include "metrics/sums.h"
#include "pool/peers.h"
#include "pool/shelves.h"

namespace holdfast::server {

// The workers as the main thread sees them: what they share, the way to tell them something, the
// threads that write their access log, and whether each of them still answers.
//
// Main thread; owned by the server. `main` outlives it; its loop runs what is told here.
// Destruction ends the threads and waits for them.
class WorkerSet {
 public:
  struct Options {
    // The functions are called on the main thread, from the loop.
    // Once, after Worker::CloseListeners or StopAccepting: no worker has a session left. So many
    // exchanges were cut off.
    std::function<void(size_t exchanges_cut)> on_empty;
    // As Worker::Callbacks has it.
    std::function<void(const std::string&, const pool::SocketAddress&, const std::string& cause)>
        on_trouble;
    // As Worker::Callbacks has it; null: nobody fetches any.
    std::function<void(const std::string& url)> want_keys = nullptr;
    // How long the metrics of what a reload removed can still be scraped.
    pool::Duration series_grace = std::chrono::minutes(5);
  };

  WorkerSet(MainContext* main, Options options);
  ~WorkerSet();
  WorkerSet(const WorkerSet&) = delete;
  WorkerSet& operator=(const WorkerSet&) = delete;

  // Makes that many; mail waits for them until Start. Each once, in this order. On an error there
  // are none: their common memory cannot be had.
  absl::Status Create(size_t count);
  void Start();
  size_t size() const { return workers_.size(); }

  // Runs `letter` on a worker's thread, or on every one's.
  void Mail(size_t worker, absl::AnyInvocable<void(Worker&)> letter);
  void MailAll(const std::function<void(Worker&)>& letter);

  // The writers of the access log.
  LogWriters& logs() { return *logs_; }

  // Spans go where the configuration says, from the publication on that comes next.
  void SendSpansAs(const config::Config& config);

  // A number that grows with every request that an upstream has had; 0 before there are workers.
  uint64_t RequestsOf(const std::string& upstream);
  // What metrics call an endpoint (Shelves::LabelOf).
  std::string LabelOf(const std::string& upstream, const pool::SocketAddress& endpoint);
  // What the workers share, for a scrape.
  void AddTo(metrics::Sums& sums);
  // Which workers are late with their answer; empty when all is well.
  std::string Trouble() const { return heartbeats_->Trouble(main_->loop.now()); }

 private:
  std::unique_ptr<Worker> MakeWorker(size_t index);
  void OnWorkerEmpty(size_t exchanges_cut);
  void OnBeat(pool::TimePoint now);

  MainContext* main_;
  const Options options_;
  std::optional<pool::Shelves> shelves_;
  std::optional<proxy::ClientPlaces> places_;
  std::optional<auth::PasswordChecker> passwords_;
  pool::Peers peers_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::optional<LogWriters> logs_;
  std::optional<SpanExporter> spans_;  // from the first configuration that sends some on
  std::optional<Heartbeats> heartbeats_;
  size_t empty_workers_ = 0;
  size_t exchanges_cut_ = 0;
  pool::MemberTimer<WorkerSet, &WorkerSet::OnBeat> beat_timer_{this};
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_WORKER_SET_H_
