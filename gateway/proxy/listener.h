#ifndef HOLDFAST_GATEWAY_PROXY_LISTENER_H_
#define HOLDFAST_GATEWAY_PROXY_LISTENER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "gateway/config/config.h"
#include "gateway/proxy/view.h"
#include "metrics/shard.h"
#include "pool/net/acceptor.h"
#include "pool/net/socket.h"

namespace holdfast::proxy {

struct WorkerContext;

// One worker's part of one configured listener: accepts, holds the number of clients under its
// cap, and keeps what their sessions look up. Survives reloads that keep the listener. When it
// leaves the configuration it stops accepting and waits for its last session.
//
// Loop thread. Owned by the worker; outlives its sessions.
class Listener final : private pool::AcceptorEvents {
 public:
  struct Cells {
    Cells(metrics::Shard* shard, std::string_view listener);
    metrics::Claim claim;
    metrics::Gauge& idle;
    metrics::Gauge& active;
    metrics::Counter& accepted;
    metrics::Counter& request_bytes;
    metrics::Counter& response_bytes;
  };

  // `config` shares its snapshot's life, `index` is its place there. `max_sessions` is this
  // worker's share of the cap.
  Listener(WorkerContext* context, pool::FileDescriptor socket,
           std::shared_ptr<const config::Listener> config, uint32_t index, size_t max_sessions);
  ~Listener();

  // One more socket of the same address: the process before this one had more workers.
  void AcceptAlsoOn(pool::FileDescriptor socket);
  // A reload that keeps it.
  void Configure(std::shared_ptr<const config::Listener> config, uint32_t index,
                 size_t max_sessions);
  // Accepts no more and closes the socket; sessions end after their exchange. `view` is the last
  // that knows it: what is still asked of it is answered from there.
  void Retire(ViewPin view);
  // After Retire: from now on no session may go idle or wait for its client. Those that do so
  // already are told by whoever calls this.
  void Leave();

  void OnSessionOpened() { ++sessions_; }
  void OnSessionClosed();
  // There is room again, as far as others are concerned.
  void ResumeIfBelowCap();

  const config::Listener& config() const { return *config_; }
  // The listener's place in the configuration of view().
  uint32_t index() const { return index_; }
  // What a new exchange goes by.
  const ViewPin& view() const;
  bool draining() const { return acceptors_.empty(); }
  bool leaving() const { return leaving_since_ != pool::TimePoint::max(); }
  pool::TimePoint leaving_since() const { return leaving_since_; }
  // Another one with each configuration; never 0.
  uint32_t generation() const { return generation_; }
  size_t sessions() const { return sessions_; }
  Cells& cells() { return cells_; }

 private:
  void OnAccept(pool::FileDescriptor socket, const pool::SocketAddress& peer) override;
  void OnAcceptError(int error) override;
  bool MayAccept() override;

  WorkerContext* context_;
  std::shared_ptr<const config::Listener> config_;
  uint32_t index_;
  size_t max_sessions_;
  size_t sessions_ = 0;
  Cells cells_;
  std::vector<std::unique_ptr<pool::Acceptor>> acceptors_;  // empty: retired
  ViewPin last_view_;                                       // while retired
  pool::TimePoint leaving_since_ = pool::TimePoint::max();
  uint32_t generation_ = 1;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_LISTENER_H_
