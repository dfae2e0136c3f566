#ifndef HOLDFAST_POOL_NET_EVENT_LOOP_H_
#define HOLDFAST_POOL_NET_EVENT_LOOP_H_

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "pool/net/check.h"
#include "pool/net/clock.h"
#include "pool/net/ticket_queue.h"
#include "pool/net/timer_wheel.h"

namespace holdfast::pool {

// Receives readiness of one descriptor. Called on the loop's thread only.
class EventHandler {
 public:
  // `events` is epoll's mask. The handler may unregister and destroy itself or any other handler.
  virtual void OnEvents(uint32_t events) = 0;

 protected:
  ~EventHandler() = default;
};

// When a handler hears of its events, beside the others of the same turn.
enum class Precedence : uint8_t {
  kAtOnce,
  // Behind all that are heard at once, and behind those that wait for their turn already. Its
  // descriptor is watched for edges.
  kInTurn,
};

class EventLoop;

// Work to do once, soon, on the loop's thread; embedded in its owner. Destruction takes it off
// the queue. `Run` may queue or destroy any task, itself included.
class Task {
 public:
  Task() = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  bool queued() const { return loop_ != nullptr; }

 protected:
  virtual ~Task();
  virtual void Run() = 0;

 private:
  friend class EventLoop;
  EventLoop* loop_ = nullptr;
  Task* previous_ = nullptr;
  Task* next_ = nullptr;
  uint64_t turn_ = 0;  // in which it runs
};

// A task that calls `(owner->*kMethod)()`, as MemberTimer does for timers.
template <class Owner, void (Owner::*kMethod)()>
class MemberTask final : public Task {
 public:
  explicit MemberTask(Owner* owner) : owner_(owner) {}

 private:
  void Run() override { (owner_->*kMethod)(); }
  Owner* owner_;
};

// What one turn of the loop did, for metrics.
struct LoopStats {
  uint64_t turns = 0;
  uint64_t events = 0;
  uint64_t timers_fired = 0;
  Duration busy{0};  // time outside epoll_wait, from the first turn to the last wait
};

// One thread's epoll loop with its timer wheel. A turn is: wait, take the time, hand out events,
// advance the wheel, run queued tasks, destroy what was put aside. The time of a turn is read once,
// after the wait; the reading before it only tells how long the last turn was busy.
//
// Clients are served in turn, a few in each, and everything else at once: an upstream's answers end
// what has begun before more is begun. Under load this keeps the requests that are under way few,
// and what they touch (buffers, upstream connections, the kernel's part of those) in the cache.
//
// Construct anywhere, then use from one thread only (the first to call Run or RunOnce; asserted).
// When Run has returned and its thread was joined, another thread may take the loop and what
// belongs to it down.
//
// Destruction destroys what was put aside, lets go of tasks and timers without running them, and
// expects that no handler will unregister any more.
class EventLoop {
 public:
  // Edge-triggered on everything, registered once for the life of a socket.
  static constexpr uint32_t kConnectionEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  static constexpr int kMaxEventsPerTurn = 256;
  // Of those that are served in turn.
  static constexpr int kMaxServedPerTurn = 64;

  // `clock` must outlive the loop. Aborts if the kernel gives no epoll descriptor.
  explicit EventLoop(const Clock* clock);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Aborts on any other thread than the loop's, once there is one.
  void AssertInLoop() const { HOLDFAST_CHECK(!bound_ || thread_ == ThisThread()); }

  // The time read at the start of this turn.
  TimePoint now() const { return now_; }
  // The calendar at the start of this turn (read lazily, at most once per turn).
  WallTime wall_now();
  TimerWheel& timers() { return timers_; }
  const Clock& clock() const { return *clock_; }

  // Returns 0, or errno when the kernel refuses (ENOSPC, ENOMEM): the caller closes the descriptor.
  [[nodiscard]] int Register(int fd, EventHandler* handler, uint32_t events = kConnectionEvents,
                             Precedence precedence = Precedence::kAtOnce);
  // Changes the mask of a registered descriptor.
  void Modify(int fd, EventHandler* handler, uint32_t events);
  // Must come before the descriptor is closed. Events of this turn not handed out yet are dropped.
  void Unregister(int fd, EventHandler* handler);
  // Instead, without a system call, for a descriptor that is closed right after: that takes it out
  // of the kernel's set. A process that is just being started may hold a copy of it for a moment,
  // and so keep it there; what the kernel still tells of it then reaches nobody.
  void Forget(int fd, EventHandler* handler);
  // Whether it waits for its turn to hear that there is something to be read, or the peer's end.
  bool ReadinessWaits(int fd, const EventHandler* handler) const;
  // From now on `to` hears what `from` would have.
  void Rebind(int fd, EventHandler* from, EventHandler* to);

  // Runs the task at the end of this turn, after the timers; a task queued by a task runs in the
  // next turn, which then does not sleep. No effect when already queued.
  void Queue(Task& task);

  // Destroys the object at the very end of the turn, when no caller's frame can refer to it, in the
  // order of the calls. What a destructor puts aside goes in the same turn.
  template <class T>
  void DestroyLater(std::unique_ptr<T> object) {
    DestroyLater(object.release(), [](void* p) { delete static_cast<T*>(p); });
  }
  // The same of an object whose memory is not the allocator's.
  void DestroyLater(void* object, void (*destroy)(void*)) {
    graveyard_.push_back({object, destroy});
  }

  // Destroys what DestroyLater put aside, at once: for an owner that takes its parts down when no
  // turn will come any more.
  void DestroyAside();

  // One turn; waits for at most `max_wait` (nothing: until something happens). A signal ends the
  // wait early.
  void RunOnce(std::optional<Duration> max_wait = std::nullopt);
  // Turns until Stop.
  void Run();
  // From the loop's thread, inside Run: this turn is the last.
  void Stop() { stopped_ = true; }
  bool stopped() const { return stopped_; }

  const LoopStats& stats() const { return stats_; }

 private:
  friend class Task;

  // What pthread_self tells threads apart by, without a call: every lease asks several times.
  static const void* ThisThread() { return __builtin_thread_pointer(); }

  // Who hears of a descriptor. The kernel tells the number and the generation, so that what it says
  // of an earlier owner of the number is known for what it is.
  struct Watch {
    EventHandler* handler = nullptr;  // null: nobody
    uint32_t generation = 0;
    uint32_t in_turn : 1 = 0;   // it is served in turn
    uint32_t waiting : 31 = 0;  // the events that it is to hear of in its turn; 0: it does not wait
  };

  struct Grave {
    void* object;
    void (*destroy)(void*);
  };

  static uint64_t TicketOf(int fd, uint32_t generation) {
    return uint64_t{generation} << 32 | static_cast<uint32_t>(fd);
  }
  Watch& WatchOf(int fd, const EventHandler* handler);
  Watch* WatchFor(uint64_t ticket);
  void TurnOnce(std::optional<Duration> max_wait);
  int Wait(std::optional<Duration> max_wait);
  int Timeout(TimePoint start, std::optional<Duration> max_wait) const;
  void Dispatch(int count);
  void ServeInTurn();
  void RunTasks();
  void DestroyGraves();
  void Unlink(Task& task);

  const Clock* clock_;
  int epoll_fd_;
  TimePoint now_;
  std::optional<WallTime> wall_now_;
  TimerWheel timers_;

  std::vector<Watch> watches_;  // by descriptor
  std::array<epoll_event, kMaxEventsPerTurn> events_;
  TicketQueue queue_;  // tickets of those that wait for their turn; some are nobody's now

  Task* first_task_ = nullptr;
  Task* last_task_ = nullptr;
  uint64_t task_turn_ = 0;  // in which a task queued now runs

  std::vector<Grave> graveyard_;
  LoopStats stats_;
  const void* thread_ = nullptr;
  bool bound_ = false;  // to thread_
  bool turning_ = false;
  bool stopped_ = false;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_EVENT_LOOP_H_
