#ifndef HOLDFAST_POOL_WORKER_SHARE_H_
#define HOLDFAST_POOL_WORKER_SHARE_H_

#include <cstddef>
#include <memory>
#include <optional>

#include "pool/connection_permit.h"
#include "pool/net/clock.h"
#include "pool/net/event_loop.h"
#include "pool/net/timer_wheel.h"
#include "pool/peers.h"
#include "pool/shelf.h"
#include "pool/upstream_connection.h"

namespace holdfast::pool {

// What a share asks and tells its pool. Its worker's thread.
class WorkerShareOwner {
 public:
  // Another worker asks for an idle connection; with `all`, at a cap, for whatever can be missed.
  virtual std::optional<SparedConnection> GiveSpare(bool all) = 0;
  // What this worker asked for, or what another one sends unasked; nullopt: the one that was asked
  // has none.
  virtual void OnSpared(std::optional<SparedConnection> spared) = 0;
  // A place under the caps, or the news that there may be one.
  virtual void OnRoom(ConnectionPermit permit) = 0;
  // An answer did not come in time, or something should have come back by now.
  virtual void OnSilence() = 0;

 protected:
  ~WorkerShareOwner() = default;
};

// One worker's part in what the pools of an endpoint have in common: it shows on the shelf what the
// others need to know, asks them for spare connections, answers them, and sends on what others wait
// for. Everything travels by mail.
//
// Its worker's thread (asserted); letters find it through the shelf. Part of a ConnectionPool.
class WorkerShare {
 public:
  // For the answer of another worker; after that, or when something should have come back, whoever
  // waits is looked after without it.
  static constexpr Duration kSharePatience = std::chrono::milliseconds(20);
  // After an answer that did not come in time nobody is asked for so long.
  static constexpr Duration kSilencePause = std::chrono::milliseconds(100);
  // How old the count of other workers' requests may be.
  static constexpr Duration kLoadAge = std::chrono::milliseconds(1);

  // `peers` may be null: nothing is shared. What is given to it outlives it.
  WorkerShare(EventLoop* loop, const Peers* peers, size_t worker, std::shared_ptr<Shelf> shelf,
              WorkerShareOwner* owner);
  ~WorkerShare() { Leave(); }
  WorkerShare(const WorkerShare&) = delete;
  WorkerShare& operator=(const WorkerShare&) = delete;

  void AssertThread() const { loop_->AssertInLoop(); }

  // Takes the worker's place on the shelf, unless another pool has it. Others can reach this one
  // from then on.
  void Join();
  // The place is free for a pool that follows: the endpoint may come back while this one is in use.
  void Leave();
  // Leaves, and shares nothing any more.
  void Close();
  bool joined() const { return joined_; }

  // Answers that other workers owe.
  size_t asked() const { return asked_; }
  // Requests in flight at the other workers; looked at once in a while.
  size_t LoadElsewhere();
  // Asks another worker for one that it has to spare; false when nobody shows any.
  bool AskForSpare(bool all);

  // Another worker keeps a request waiting.
  bool SomeoneWaits() const { return sharing_ && shelf_->SomeoneWaits(); }
  // The worker in which a request waits longest, and longer than since `own`: it is owed a
  // connection or a place now.
  std::optional<size_t> TakeWish(TimePoint own);
  void Send(size_t worker, SparedConnection spared);
  void SendRoom(size_t worker, ConnectionPermit permit);

  void ShowLoad(size_t load, size_t idle) {
    if (joined_) shelf_->ShowLoad(worker_, load, idle);
  }
  void ShowAside(size_t aside) {
    if (joined_) shelf_->ShowAside(worker_, aside);
  }
  // `wanted` requests wait without a connection coming, the first since `since`.
  void ShowWaiting(size_t wanted, TimePoint since);

  bool Validate() const;

 private:
  // What the asked one does, on its thread.
  static void AnswerAsk(const Peers* peers, const std::shared_ptr<Shelf>& shelf, size_t asker,
                        size_t owner, bool all);
  void OnAnswer(std::optional<SparedConnection> spared);
  void ArmTimer();
  void OnTimer(TimePoint now);

  EventLoop* loop_;
  const Peers* peers_;
  const size_t worker_;
  std::shared_ptr<Shelf> shelf_;
  WorkerShareOwner* owner_;
  bool sharing_;         // there are other workers
  bool joined_ = false;  // they can reach this one
  size_t asked_ = 0;
  TimePoint ask_again_at_;
  size_t load_elsewhere_ = 0;  // at load_seen_
  TimePoint load_seen_;
  MemberTimer<WorkerShare, &WorkerShare::OnTimer> timer_{this};
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_WORKER_SHARE_H_
