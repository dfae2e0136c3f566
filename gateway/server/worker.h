#ifndef HOLDFAST_GATEWAY_SERVER_WORKER_H_
#define HOLDFAST_GATEWAY_SERVER_WORKER_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gateway/acme/challenges.h"
#include "gateway/auth/basic_auth.h"
#include "gateway/auth/password_checker.h"
#include "gateway/proxy/access_log.h"
#include "gateway/proxy/client_places.h"
#include "gateway/proxy/context.h"
#include "gateway/proxy/listener.h"
#include "gateway/proxy/span_queue.h"
#include "gateway/proxy/tls_transports.h"
#include "gateway/proxy/upstream_streams.h"
#include "gateway/route/snapshot.h"
#include "gateway/server/memory_gauges.h"
#include "metrics/shard.h"
#include "pool/cluster.h"
#include "pool/endpoint.h"
#include "pool/limits.h"
#include "pool/net/buffer.h"
#include "pool/net/event_loop.h"
#include "pool/net/mailbox.h"
#include "pool/net/random.h"
#include "pool/peers.h"
#include "pool/shelves.h"
#include "pool/worker_pools.h"

namespace holdfast::server {

// What the workers may have together.
struct WorkerShares {
  size_t upstreams = 1024;      // of the whole process, over all upstreams
  size_t idle_upstreams = 512;  // of them
  size_t clients = 1024;        // of the whole process, over all listeners
  size_t spans = 1;             // of each worker: that wait to be sent
};

// A worker among the others. What is pointed to outlives it.
struct WorkerPlace {
  size_t index = 0;
  pool::Shelves* shelves;
  proxy::ClientPlaces* places;
  const pool::Peers* peers = nullptr;  // null: it shares nothing
  auth::PasswordChecker* passwords;
};

// A configuration on its way to one worker.
struct WorkerUpdate {
  std::shared_ptr<const route::Snapshot> snapshot;
  std::map<std::string, pool::EndpointSet> endpoints;  // by upstream
  // Sockets of listeners that this worker does not have yet, by ListenerKey.
  std::map<std::string, std::vector<pool::FileDescriptor>> sockets;
  WorkerShares shares;
  tls::TlsContexts tls;
};

// One thread with everything that serves connections on it: loop, slabs, clusters, listeners,
// client sessions, and its part of the metrics.
//
// Constructed and destroyed by the server on the main thread, before Start and after Join. In
// between only the mailbox is for other threads; every other method is for letters, on the worker's
// thread.
class Worker {
 public:
  static constexpr pool::Duration kReturnInterval = std::chrono::seconds(4);

  // What it tells the main thread; called on the worker's thread, to be mailed on.
  struct Callbacks {
    // Once, without listeners: the last session ended. So many exchanges were cut off.
    std::function<void(size_t)> on_empty;
    // A batch of access log lines, for one of the writers.
    std::function<void(uint32_t writer, std::string batch)> submit_log;
    // A batch of spans, for whoever sends them.
    std::function<void(proxy::SpanQueue::Batch batch)> submit_spans;
    // An endpoint of an upstream has failed as many requests in a row as it may.
    std::function<void(const std::string&, const pool::SocketAddress&, const std::string& cause)>
        on_trouble;
    // The keys at a URL are wanted anew (auth/bearer_auth.h).
    std::function<void(const std::string& url)> want_keys;
  };

  Worker(const pool::Clock* clock, metrics::Shard* shard, const WorkerPlace& place,
         Callbacks callbacks);
  ~Worker();

  void Start();
  void Join();
  pool::Mailbox& mailbox() { return mailbox_; }

  void Adopt(WorkerUpdate update);
  void SetTicketKeys(const tls::TicketKeySets& keys) { tls_.UseTicketKeys(keys); }
  void SetChallenges(const std::shared_ptr<const acme::Challenges>& challenges);
  void SetEndpoints(const std::string& upstream, const pool::EndpointSet& endpoints);
  // From now on every response asks the client to close.
  void BeginDrain();
  // Closes the listeners. What is idle may be used for one more request; on_empty follows when
  // nothing is left.
  void CloseListeners();
  // Closes the listeners and what is idle; on_empty follows when nothing is left.
  void StopAccepting();
  // Cuts off every session that is left; on_empty follows if there are none.
  void CutAll();
  void OnLogBatchWritten(uint32_t writer, bool written);
  // As SpanQueue has it.
  void OnSpansDone(size_t spans) { spans_->OnDone(spans); }
  // Copies the loop's counts, and what memory is used for, into the metrics.
  void PublishStats();
  // Every kReturnInterval at the most: gives the system back what a burst has left behind, so that
  // it is gone after two of them.
  void ReturnMemory();
  // The series of what reloads have removed at least `grace` ago. To be destroyed on the scraping
  // thread.
  metrics::RetiredSeries RetireSeries(pool::Duration grace);
  // The loop ends after this turn.
  void Stop();

 private:
  template <class Function>
  void ForEachSession(Function function);
  void AdoptListeners(WorkerUpdate& update, const proxy::ViewPin& old_view);
  std::vector<std::shared_ptr<pool::Cluster>> AdoptClusters(const WorkerUpdate& update);
  void AdoptTracing(const WorkerUpdate& update);
  void ReapRetired();
  void OnEmpty();
  // Hands over the lines and spans collected so far.
  void FlushRecords();

  const WorkerPlace place_;
  Callbacks callbacks_;
  pool::WorkerPools pools_;
  pool::EventLoop loop_;
  pool::SlabPool slabs_;
  proxy::TlsTransports tls_;
  pool::SocketDialer dialer_{&loop_, &slabs_, &tls_};
  proxy::Http2Upstreams upstream_streams_{&loop_, &slabs_};
  pool::Random random_;
  pool::Mailbox mailbox_;
  auth::BasicAuth auth_;
  metrics::Shard* shard_;
  proxy::WorkerContext context_;
  proxy::AccessLog access_log_;
  std::optional<proxy::SpanQueue> spans_;  // from the first configuration that sends some on
  std::map<std::string, std::unique_ptr<proxy::Listener>> listeners_;  // by ListenerKey
  std::vector<std::unique_ptr<proxy::Listener>> retired_;  // until their last session ends
  std::map<std::string, std::shared_ptr<pool::Cluster>> clusters_;
  pool::MemberTask<Worker, &Worker::OnEmpty> empty_task_{this};
  bool told_empty_ = false;
  size_t exchanges_cut_ = 0;
  pool::LoopStats published_;
  pool::TimePoint return_at_;  // ReturnMemory does nothing before
  uint64_t returned_bytes_ = 0;
  MemoryGauges memory_;
  metrics::Counter& turns_;
  metrics::Counter& busy_;
  metrics::Counter& timers_fired_;
  std::thread thread_;
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_WORKER_H_
