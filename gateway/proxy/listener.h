#ifndef HOLDFAST_GATEWAY_PROXY_LISTENER_H_
#define HOLDFAST_GATEWAY_PROXY_LISTENER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/config/config.h"
#include "gateway/policy/client_connections.h"
#include "gateway/proxy/client_places.h"
#include "gateway/proxy/view.h"
#include "metrics/shard.h"
#include "pool/net/acceptor.h"
#include "pool/net/intrusive_list.h"
#include "pool/net/socket.h"
#include "pool/net/timer_wheel.h"

namespace holdfast::proxy {

struct WorkerContext;

// A session's place among those that are idle; linked while it is.
class IdleSession : public pool::ListNode<IdleSession> {
 protected:
  IdleSession() = default;
  ~IdleSession() = default;
};

// Whether reading from a client that was just accepted is worth its system call: a client whose
// request is there by then need not be watched before it is answered. Goes by how it went lately.
class EarlyReads {
 public:
  static constexpr int kBest = 8;
  static constexpr int kProbe = 16;  // of so many clients one is tried when it never paid off

  bool Worthwhile() { return score_ > 0 || ++passed_over_ % kProbe == 0; }
  void Note(bool found) { score_ = found ? std::min(score_ + 2, kBest) : std::max(score_ - 1, 0); }

 private:
  int score_ = kBest;
  unsigned passed_over_ = 0;
};

// One worker's part of one configured listener: accepts while the process has places for clients,
// and keeps what their sessions look up. At a cap, the listener's or the process's, connections
// that are idle give way to newcomers, the longest idle of all workers first. Survives reloads that
// keep the listener. When it leaves the configuration it stops accepting and waits for its last
// session.
//
// Loop thread. Owned by the worker; outlives its sessions.
class Listener final : private pool::AcceptorEvents {
 public:
  // So long an idle connection is safe from newcomers: its next request may be on its way, and
  // clients that ask again and again would else only take places from each other.
  static constexpr pool::Duration kGivesWayAfter = std::chrono::milliseconds(250);
  // How soon it is looked again after somebody was asked to give way.
  static constexpr pool::Duration kRoomRetry = std::chrono::milliseconds(20);
  // Idle connections looked at in one go for one that can give way.
  static constexpr int kMaxLooks = 16;
  // Why it does not accept: there is no place for one more client.
  static constexpr std::string_view kConnectionCap = "connection_cap";

  class Cells {
   public:
    Cells(metrics::Shard* shard, std::string_view listener);
    // Of connections closed for a reason, whose name has static storage. A reason's labels are
    // looked up the first time only.
    metrics::Counter& ClosedFor(std::string_view reason);
    // Of requests of each connection, made when the first closes.
    metrics::Histogram& requests();

    metrics::Claim claim;
    metrics::Gauge& idle;
    metrics::Gauge& active;
    metrics::Gauge& streams;  // of HTTP/2
    metrics::Gauge& in_flight;
    metrics::Counter& accepted;
    metrics::Counter& request_bytes;
    metrics::Counter& response_bytes;

   private:
    metrics::Shard* shard_;
    std::string listener_;
    metrics::Histogram* requests_ = nullptr;
    std::vector<std::pair<std::string_view, metrics::Counter*>> closed_;
  };

  // `config` shares its snapshot's life, `index` is its place there.
  Listener(WorkerContext* context, pool::FileDescriptor socket,
           std::shared_ptr<const config::Listener> config, uint32_t index);
  ~Listener();

  // One more socket of the same address: the process before this one had more workers.
  void AcceptAlsoOn(pool::FileDescriptor socket);
  // A reload that keeps it.
  void Configure(std::shared_ptr<const config::Listener> config, uint32_t index);
  // Accepts no more and closes the socket; sessions end after their exchange. `view` is the last
  // that knows it: what is still asked of it is answered from there.
  void Retire(ViewPin view);
  // After Retire: from now on no session may go idle or wait for its client. Those that do so
  // already are told by whoever calls this.
  void Leave();

  // A place for one more client; false when there is none. It is the next session's, or goes back
  // at the end of the batch.
  bool TakePlace();
  // Counts a connection of this client where max_connections_per_client limits them; the count is
  // the next session's, or goes back at the end of the batch. False: the client has as many as it
  // may, and this one is to be closed.
  bool AdmitClient(const pool::SocketAddress& client) {
    return !config_->max_connections_per_client.has_value() || CountClient(client);
  }
  policy::ClientConnections::Place TakeClientPlace() {
    return std::exchange(client_place_, policy::ClientConnections::Place::kNowhere);
  }
  // That session has ended.
  void ReturnClientPlace(policy::ClientConnections::Place place);
  void OnSessionOpened();
  void OnSessionClosed();
  void OnSessionIdle(IdleSession& session);
  void OnSessionBusy(IdleSession& session);
  // There may be places again.
  void AcceptAgain();
  // Closes the connection that has been idle longest, if that is since `since` or before. False if
  // none could be closed.
  bool EvictIdle(pool::TimePoint since);

  WorkerContext* context() const { return context_; }
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
  EarlyReads& early_reads() { return early_reads_; }
  // The kernel does not watch a client's socket, so that it cannot be served.
  void CountUnwatched();

 private:
  void OnAccept(pool::FileDescriptor socket, const pool::SocketAddress& peer) override;
  void OnAcceptError(int error) override;
  bool MayAccept() override;
  void OnBatchEnd() override { ReturnUnused(); }

  void ConfigureTcp(pool::Acceptor& acceptor);
  void StandDown();
  bool MayBeginHandshake();
  bool CountClient(const pool::SocketAddress& client);
  void ReturnPlace();
  void ReturnUnused();
  // At a cap: lets somebody give way now, or sees to it that it is tried again. True if a place may
  // have come free.
  bool MakeRoom();
  bool SomebodyWaits() const;
  // Somebody waits for a place, and why; once until the next session begins.
  void CountPause(std::string_view reason);
  void LookAgainAt(pool::TimePoint when);
  void OnRoomTimer(pool::TimePoint now);
  bool paused() const;
  void ShowIdle();

  WorkerContext* context_;
  std::shared_ptr<const config::Listener> config_;
  uint32_t index_;
  std::shared_ptr<ListenerPlaces> places_;
  // Counted, and not used yet.
  policy::ClientConnections::Place client_place_ = policy::ClientConnections::Place::kNowhere;
  bool place_taken_ = false;    // and not used yet
  bool pause_counted_ = false;  // since the last session began
  size_t sessions_ = 0;
  pool::IntrusiveList<IdleSession> idle_;  // the longest idle first
  pool::MemberTimer<Listener, &Listener::OnRoomTimer> room_timer_{this};
  Cells cells_;
  std::vector<std::unique_ptr<pool::Acceptor>> acceptors_;  // empty: retired
  ViewPin last_view_;                                       // while retired
  pool::TimePoint leaving_since_ = pool::TimePoint::max();
  uint32_t generation_ = 1;
  EarlyReads early_reads_;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_LISTENER_H_
