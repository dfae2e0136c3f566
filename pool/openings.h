#ifndef HOLDFAST_POOL_OPENINGS_H_
#define HOLDFAST_POOL_OPENINGS_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include "pool/connection_permit.h"
#include "pool/connection_record.h"
#include "pool/dialer.h"
#include "pool/endpoint_key.h"
#include "pool/net/clock.h"
#include "pool/net/event_loop.h"
#include "pool/net/intrusive_list.h"
#include "pool/pool_cells.h"
#include "pool/shelf.h"

namespace holdfast::pool {

class Openings;
class Waiter;

// What is known when a connection is to be opened.
struct OpenFacts {
  bool fresh = false;                         // for somebody who takes no used one
  bool has_connections = false;               // to this endpoint
  CloseReason last_end = CloseReason::kNone;  // of the last kept one to this endpoint
  bool idle_elsewhere = false;                // to other endpoints of the upstream
};
// Why it is opened instead of a kept one being used. Pure.
OpenReason WhyOpen(const OpenFacts& facts);

// A connection that is being opened, with its place under the caps. Owned by Openings.
class Opening final : private DialEvents, public ListNode<Opening> {
 public:
  Opening(Openings* openings, ConnectionRecord record, bool forsaken)
      : openings_(openings), record_(std::move(record)), forsaken_(forsaken) {}

  // It stands for nobody who waits here: the one it was opened for waits elsewhere, or there was
  // none.
  bool forsaken() const { return forsaken_; }
  void Forsake();
  // Dials. False and `*refusal` when that failed at once.
  bool Begin(Dialer* dialer, const EndpointKey& key, const DialTerms& terms,
             CheckoutResult* refusal);
  void GiveUp() { attempt_.reset(); }
  ConnectionRecord& record() { return record_; }

  // It is for this one alone, who waits or is about to. Whoever goes forsakes it.
  void Reserve(Waiter* waiter);
  Waiter* waiter() const { return waiter_; }
  // Once it is over: whom it was for; null: nobody, or nobody any more.
  Waiter* TakeWaiter();
  void OnWaiterGone();

 private:
  void OnDialSlow() override;
  void OnDialed(std::unique_ptr<Connection> connection) override;
  void OnDialFailed(CheckoutFailure failure) override;

  Openings* openings_;
  ConnectionRecord record_;
  bool forsaken_;
  Waiter* waiter_ = nullptr;
  std::unique_ptr<DialAttempt> attempt_;
};

// Hears what comes of the openings; never from inside a call to them. The opening that a call is
// about is no longer one of them, but for OnOpeningSlow. And makes room when it is asked to.
class OpeningsOwner {
 public:
  // Closes the oldest idle connection that nobody waits for, of this pool or of another one of the
  // worker; false when there is none.
  virtual bool EvictHere() = 0;
  virtual bool EvictElsewhere() = 0;
  // Connections of this pool besides those that are being opened.
  virtual size_t OtherConnections() const = 0;
  virtual void OnOpeningSlow(Opening& opening) = 0;
  // `whom`: it was for this one alone.
  virtual void OnOpened(std::unique_ptr<Connection> connection, ConnectionRecord record,
                        Waiter* whom) = 0;
  virtual void OnOpeningFailed(CheckoutFailure failure, bool forsaken, Waiter* whom) = 0;

 protected:
  ~OpeningsOwner() = default;
};

// The connections to one endpoint that are being opened, and what their ends say about whether it
// can be reached.
//
// One thread. Part of a ConnectionPool. Destruction expects that Abandon was called.
class Openings {
 public:
  // An endpoint that did not answer a connect, or has no route, is passed over while another may be
  // chosen. Every so often a connect that nobody waits for finds out whether it is back.
  static constexpr Duration kDoubtTime = std::chrono::seconds(10);

  // Whether there is room for one more connection under the caps.
  enum class Room : uint8_t {
    kThere,
    kCapped,   // when one comes back
    kRefused,  // and none will
  };

  // What is given to it outlives it.
  Openings(EventLoop* loop, Dialer* dialer, const EndpointKey* key, std::shared_ptr<Shelf> shelf,
           PoolCells* cells, OpeningsOwner* owner);
  ~Openings();
  Openings(const Openings&) = delete;
  Openings& operator=(const Openings&) = delete;

  bool empty() const { return list_.empty(); }
  size_t size() const { return list_.size(); }
  // Those that somebody who waits here is going to get.
  size_t standing() const { return list_.size() - forsaken_; }

  // Takes a place for one more; the oldest idle connection that nobody waits for gives way.
  // `*refusal` with kRefused.
  Room MakeRoom(ConnectionPermit* permit, CheckoutResult* refusal);
  // Begins one, for `whom` alone unless that is null; its owner will hear. False and `*refusal`
  // when that failed at once.
  bool Start(ConnectionRecord record, const DialTerms& terms, bool forsaken, Waiter* whom,
             CheckoutResult* refusal);
  // Who it was opened for goes on to another endpoint.
  void Forsake(Opening& opening);
  // Gives all of them up, and tells nobody.
  void Abandon(CloseReason reason);
  void ForEachRecord(const std::function<void(ConnectionRecord*)>& apply);

  // What an attempt that failed says: at once, or later.
  void NoteFailure(CheckoutResult result);
  // The endpoint can't be reached, it seems.
  void Doubt();
  bool doubtful() const { return doubtful_; }
  // Another endpoint is the better choice: connects to this one take long, or it is in doubt.
  bool passed_over() const { return doubtful_ || (slow_ && !empty()); }
  // True every kDoubtTime while it is in doubt: whoever asks is to find out whether it is back.
  bool TakeProbe();

  bool Validate() const;

 private:
  friend class Opening;

  void OnSlow(Opening& opening);
  void OnDialed(Opening& opening, std::unique_ptr<Connection> connection);
  void OnFailed(Opening& opening, CheckoutFailure failure);
  // Off the list; destroyed at the end of the turn.
  void Remove(Opening& opening);

  EventLoop* loop_;
  Dialer* dialer_;
  const EndpointKey* key_;
  std::shared_ptr<Shelf> shelf_;
  PoolCells* cells_;
  OpeningsOwner* owner_;
  IntrusiveList<Opening> list_;  // front: since longest
  size_t forsaken_ = 0;          // of them
  bool slow_ = false;            // the last attempt that said anything is slow
  bool doubtful_ = false;        // the last one failed without an answer
  TimePoint probe_at_;           // while doubtful_
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_OPENINGS_H_
