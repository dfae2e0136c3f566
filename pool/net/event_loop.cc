#include "pool/net/event_loop.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <limits>

#include "pool/net/check.h"

namespace holdfast::pool {
namespace {

// Rounds up: after a wait that ends before its deadline, the loop would spin until the deadline.
int ToMilliseconds(Duration wait) {
  if (wait <= Duration::zero()) return 0;
  const auto rounded = (wait - Duration(1)) / std::chrono::milliseconds(1) + 1;
  return static_cast<int>(std::min<int64_t>(rounded, std::numeric_limits<int>::max()));
}

}  // namespace

Task::~Task() {
  if (loop_ != nullptr) loop_->Unlink(*this);
}

EventLoop::EventLoop(const Clock* clock)
    : clock_(clock), epoll_fd_(epoll_create1(EPOLL_CLOEXEC)), now_(clock->Now()), timers_(now_) {
  HOLDFAST_CHECK(epoll_fd_ >= 0);
}

EventLoop::~EventLoop() {
  AssertInLoop();
  HOLDFAST_CHECK(!turning_);
  DestroyGraves();
  while (first_task_ != nullptr) Unlink(*first_task_);
  close(epoll_fd_);
}

WallTime EventLoop::wall_now() {
  if (!wall_now_) wall_now_ = clock_->WallNow();
  return *wall_now_;
}

int EventLoop::Register(int fd, EventHandler* handler, uint32_t events, Precedence precedence) {
  AssertInLoop();
  HOLDFAST_CHECK(precedence == Precedence::kAtOnce || (events & EPOLLET) != 0);
  if (fd < 0) return EBADF;
  const auto index = static_cast<size_t>(fd);
  if (index >= watches_.size()) watches_.resize(index + 1);
  Watch& watch = watches_[index];
  const uint32_t generation = watch.generation + 1;
  epoll_event event{.events = events, .data = {.u64 = TicketOf(fd, generation)}};
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) != 0) return errno;
  watch = {.handler = handler,
           .generation = generation,
           .in_turn = precedence == Precedence::kInTurn ? 1u : 0u};
  return 0;
}

EventLoop::Watch& EventLoop::WatchOf(int fd, const EventHandler* handler) {
  AssertInLoop();
  HOLDFAST_CHECK(fd >= 0 && static_cast<size_t>(fd) < watches_.size());
  Watch& watch = watches_[static_cast<size_t>(fd)];
  HOLDFAST_CHECK(watch.handler == handler);
  return watch;
}

void EventLoop::Modify(int fd, EventHandler* handler, uint32_t events) {
  const Watch& watch = WatchOf(fd, handler);
  epoll_event event{.events = events, .data = {.u64 = TicketOf(fd, watch.generation)}};
  HOLDFAST_CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, fd, &event) == 0);
}

void EventLoop::Unregister(int fd, EventHandler* handler) {
  WatchOf(fd, handler).handler = nullptr;
  // Fails only for a descriptor that is closed already.
  HOLDFAST_CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr) == 0);
}

void EventLoop::Forget(int fd, EventHandler* handler) { WatchOf(fd, handler).handler = nullptr; }

bool EventLoop::ReadinessWaits(int fd, const EventHandler* handler) const {
  HOLDFAST_CHECK(fd >= 0 && static_cast<size_t>(fd) < watches_.size());
  const Watch& watch = watches_[static_cast<size_t>(fd)];
  HOLDFAST_CHECK(watch.handler == handler);
  return (watch.waiting & (EPOLLIN | EPOLLRDHUP)) != 0;
}

void EventLoop::Rebind(int fd, EventHandler* from, EventHandler* to) {
  WatchOf(fd, from).handler = to;
}

void EventLoop::DestroyAside() {
  AssertInLoop();
  HOLDFAST_CHECK(!turning_);
  DestroyGraves();
}

void EventLoop::Queue(Task& task) {
  AssertInLoop();
  HOLDFAST_CHECK(task.loop_ == nullptr || task.loop_ == this);
  if (task.queued()) return;
  task.loop_ = this;
  task.turn_ = task_turn_;
  task.previous_ = last_task_;
  task.next_ = nullptr;
  (last_task_ != nullptr ? last_task_->next_ : first_task_) = &task;
  last_task_ = &task;
}

void EventLoop::RunOnce(std::optional<Duration> max_wait) {
  if (!bound_) {
    thread_ = ThisThread();
    bound_ = true;
  }
  AssertInLoop();
  TurnOnce(max_wait);
}

void EventLoop::Run() {
  while (!stopped_) RunOnce();
  bound_ = false;
}

void EventLoop::TurnOnce(std::optional<Duration> max_wait) {
  HOLDFAST_CHECK(!turning_);
  const int count = Wait(max_wait);
  turning_ = true;
  Dispatch(count);
  stats_.timers_fired += timers_.Advance(now_);
  RunTasks();
  DestroyGraves();
  turning_ = false;
  ++stats_.turns;
}

// Leaves the events in events_ and returns how many there are. It reads the clock on either side of
// the wait, because what the last turn took is work and what the wait takes is not.
int EventLoop::Wait(std::optional<Duration> max_wait) {
  const TimePoint start = clock_->Now();
  if (stats_.turns > 0) stats_.busy += start - now_;
  const int timeout = Timeout(start, max_wait);
  const int count = epoll_wait(epoll_fd_, events_.data(), kMaxEventsPerTurn, timeout);
  HOLDFAST_CHECK(count >= 0 || errno == EINTR);
  now_ = clock_->Now();
  wall_now_.reset();
  return std::max(count, 0);
}

// In milliseconds, as epoll_wait takes it; -1 waits for as long as it takes.
int EventLoop::Timeout(TimePoint start, std::optional<Duration> max_wait) const {
  if (first_task_ != nullptr || !graveyard_.empty() || !queue_.empty()) return 0;
  int timeout = max_wait ? ToMilliseconds(*max_wait) : -1;
  if (const std::optional<TimePoint> expiry = timers_.NextExpiry()) {
    const int until_expiry = ToMilliseconds(*expiry - start);
    timeout = timeout < 0 ? until_expiry : std::min(timeout, until_expiry);
  }
  return timeout;
}

void EventLoop::Dispatch(int count) {
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events_[i];
    Watch* const watch = WatchFor(event.data.u64);
    if (watch == nullptr) continue;
    if (watch->in_turn != 0) {
      // One that waits already keeps its place and hears of everything at once.
      if (watch->waiting == 0) queue_.Push(event.data.u64);
      watch->waiting |= event.events;
    } else {
      ++stats_.events;
      watch->handler->OnEvents(event.events);
    }
  }
  ServeInTurn();
}

// Null: the ticket is of an earlier owner of its number, or was unregistered since.
EventLoop::Watch* EventLoop::WatchFor(uint64_t ticket) {
  Watch& watch = watches_[static_cast<uint32_t>(ticket)];
  return watch.handler != nullptr && watch.generation == ticket >> 32 ? &watch : nullptr;
}

void EventLoop::ServeInTurn() {
  for (int served = 0; served < kMaxServedPerTurn && !queue_.empty();) {
    Watch* const watch = WatchFor(queue_.Pop());
    if (watch == nullptr) continue;
    const uint32_t events = watch->waiting;
    watch->waiting = 0;
    ++served;
    ++stats_.events;
    watch->handler->OnEvents(events);
  }
}

void EventLoop::RunTasks() {
  const uint64_t turn = task_turn_++;
  while (first_task_ != nullptr && first_task_->turn_ == turn) {
    Task& task = *first_task_;
    Unlink(task);
    task.Run();
  }
}

// Goes by index, because a destructor may put more aside.
void EventLoop::DestroyGraves() {
  for (size_t i = 0; i < graveyard_.size(); ++i) {
    const Grave grave = graveyard_[i];
    grave.destroy(grave.object);
  }
  graveyard_.clear();
}

void EventLoop::Unlink(Task& task) {
  HOLDFAST_CHECK(task.loop_ == this);
  (task.previous_ != nullptr ? task.previous_->next_ : first_task_) = task.next_;
  (task.next_ != nullptr ? task.next_->previous_ : last_task_) = task.previous_;
  task.loop_ = nullptr;
  task.previous_ = nullptr;
  task.next_ = nullptr;
}

}  // namespace holdfast::pool
