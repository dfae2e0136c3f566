#include "pool/net/event_loop.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace holdfast::pool {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Remembers what it heard, and does what the test says.
class TestHandler final : public EventHandler {
 public:
  void OnEvents(uint32_t events) override {
    ++calls;
    last_events = events;
    if (on_events) on_events();
  }

  int calls = 0;
  uint32_t last_events = 0;
  std::function<void()> on_events;
};

class TestTask final : public Task {
 public:
  explicit TestTask(std::function<void()> run) : run_(std::move(run)) {}

 private:
  void Run() override {
    const auto run = run_;  // the task may be gone before the function is done
    run();
  }

  std::function<void()> run_;
};

// Two connected non-blocking descriptors.
struct Pair {
  explicit Pair(int type = SOCK_STREAM) {
    std::array<int, 2> fds;
    EXPECT_EQ(socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()), 0);
    ours = fds[0];
    theirs = fds[1];
  }
  ~Pair() {
    close(ours);
    CloseTheirs();
  }
  void CloseTheirs() {
    if (theirs >= 0) close(std::exchange(theirs, -1));
  }
  void Send() const { ASSERT_EQ(write(theirs, "x", 1), 1); }
  void Drain() const {
    char byte;
    while (read(ours, &byte, 1) == 1) {
    }
  }

  int ours;
  int theirs;
};

class EventLoopTest : public testing::Test {
 protected:
  void Turn() { loop_.RunOnce(Duration::zero()); }
  // Registered to be served in turn.
  void NewClients(int count) {
    for (int i = 0; i < count; ++i) {
      pairs_.push_back(std::make_unique<Pair>());
      handlers_.push_back(std::make_unique<TestHandler>());
      ASSERT_EQ(loop_.Register(pairs_.back()->ours, handlers_.back().get(),
                               EventLoop::kConnectionEvents, Precedence::kInTurn),
                0);
    }
  }

  ManualClock clock_;
  std::vector<std::unique_ptr<Pair>> pairs_;
  std::vector<std::unique_ptr<TestHandler>> handlers_;
  EventLoop loop_{&clock_};
};

TEST_F(EventLoopTest, DeliversEdgesOnce) {
  const Pair pair;
  TestHandler handler;
  ASSERT_EQ(loop_.Register(pair.ours, &handler), 0);
  Turn();
  EXPECT_EQ(handler.calls, 1);
  EXPECT_EQ(handler.last_events, uint32_t{EPOLLOUT});

  pair.Send();
  Turn();
  EXPECT_EQ(handler.calls, 2);
  EXPECT_EQ(handler.last_events & EPOLLIN, uint32_t{EPOLLIN});
  Turn();  // unread bytes are no new edge
  EXPECT_EQ(handler.calls, 2);

  pair.Send();
  Turn();
  EXPECT_EQ(handler.calls, 3);
  loop_.Unregister(pair.ours, &handler);
}

TEST_F(EventLoopTest, TellsOfThePeersEnd) {
  Pair pair;
  TestHandler handler;
  ASSERT_EQ(loop_.Register(pair.ours, &handler), 0);
  Turn();
  shutdown(pair.theirs, SHUT_WR);
  Turn();
  EXPECT_EQ(handler.last_events & (EPOLLRDHUP | EPOLLHUP), uint32_t{EPOLLRDHUP});
  pair.CloseTheirs();
  Turn();
  EXPECT_EQ(handler.last_events & EPOLLHUP, uint32_t{EPOLLHUP});
  loop_.Unregister(pair.ours, &handler);
}

TEST_F(EventLoopTest, DeliversLevelsUntilTheyAreDrained) {
  std::array<int, 2> pipe_fds;
  ASSERT_EQ(pipe2(pipe_fds.data(), O_NONBLOCK | O_CLOEXEC), 0);
  TestHandler handler;
  ASSERT_EQ(loop_.Register(pipe_fds[0], &handler, EPOLLIN), 0);
  ASSERT_EQ(write(pipe_fds[1], "x", 1), 1);
  Turn();
  Turn();
  EXPECT_EQ(handler.calls, 2);
  char byte;
  ASSERT_EQ(read(pipe_fds[0], &byte, 1), 1);
  Turn();
  EXPECT_EQ(handler.calls, 2);
  loop_.Unregister(pipe_fds[0], &handler);
  close(pipe_fds[0]);
  close(pipe_fds[1]);
}

TEST_F(EventLoopTest, ModifyChangesWhatIsHeard) {
  const Pair pair;
  TestHandler handler;
  ASSERT_EQ(loop_.Register(pair.ours, &handler, EPOLLIN), 0);
  loop_.Modify(pair.ours, &handler, 0);
  pair.Send();
  Turn();
  EXPECT_EQ(handler.calls, 0);
  loop_.Modify(pair.ours, &handler, EPOLLIN);
  Turn();
  EXPECT_EQ(handler.calls, 1);
  loop_.Unregister(pair.ours, &handler);
}

TEST_F(EventLoopTest, RegisterReportsWhatTheKernelRefuses) {
  TestHandler handler;
  EXPECT_EQ(loop_.Register(-1, &handler), EBADF);
  const Pair pair;
  ASSERT_EQ(loop_.Register(pair.ours, &handler), 0);
  EXPECT_EQ(loop_.Register(pair.ours, &handler), EEXIST);
  loop_.Unregister(pair.ours, &handler);
}

TEST_F(EventLoopTest, UnregisterDropsTheEventsOfTheSameTurn) {
  std::array<Pair, 8> pairs;
  std::array<std::unique_ptr<TestHandler>, 8> handlers;
  int delivered = 0;
  for (size_t i = 0; i < pairs.size(); ++i) {
    handlers[i] = std::make_unique<TestHandler>();
    handlers[i]->on_events = [&, i] {
      ++delivered;
      for (size_t other = 0; other < pairs.size(); ++other) {
        if (other == i) continue;
        loop_.Unregister(pairs[other].ours, handlers[other].get());
        handlers[other].reset();
      }
    };
    ASSERT_EQ(loop_.Register(pairs[i].ours, handlers[i].get()), 0);
  }
  Turn();
  EXPECT_EQ(delivered, 1);
  EXPECT_EQ(loop_.stats().events, 1u);
}

TEST_F(EventLoopTest, AHandlerMayUnregisterItself) {
  const Pair pair;
  TestHandler handler;
  handler.on_events = [&] { loop_.Unregister(pair.ours, &handler); };
  ASSERT_EQ(loop_.Register(pair.ours, &handler), 0);
  Turn();
  pair.Send();
  Turn();
  EXPECT_EQ(handler.calls, 1);
}

// The number of a closed descriptor comes back at once: an event of the old socket must not reach
// the handler of the new one.
TEST_F(EventLoopTest, AReusedDescriptorHearsNothingOfTheOldOne) {
  const Pair first;
  const Pair second;
  TestHandler replaces;
  TestHandler old;
  TestHandler fresh;
  int event_fd = -1;
  const auto replace = [&](const Pair& pair, TestHandler* handler) {
    loop_.Unregister(pair.ours, handler);
    event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    ASSERT_EQ(dup2(event_fd, pair.ours), pair.ours);
    ASSERT_EQ(loop_.Register(pair.ours, &fresh, EPOLLIN | EPOLLET), 0);
    close(event_fd);
  };
  // Whichever is first replaces the other.
  replaces.on_events = [&] {
    if (old.calls == 0) replace(second, &old);
  };
  old.on_events = [&] {
    if (replaces.calls == 0) replace(first, &replaces);
  };
  ASSERT_EQ(loop_.Register(first.ours, &replaces), 0);
  ASSERT_EQ(loop_.Register(second.ours, &old), 0);
  Turn();
  EXPECT_EQ(replaces.calls + old.calls, 1);
  Turn();
  EXPECT_EQ(fresh.calls, 0);
}

TEST_F(EventLoopTest, ForgottenItHearsNothingMoreInTheSameTurn) {
  Pair first;
  Pair second;
  TestHandler one;
  TestHandler two;
  one.on_events = [&] { loop_.Forget(second.ours, &two); };
  two.on_events = [&] { loop_.Forget(first.ours, &one); };
  ASSERT_EQ(loop_.Register(first.ours, &one), 0);
  ASSERT_EQ(loop_.Register(second.ours, &two), 0);
  Turn();
  EXPECT_EQ(one.calls + two.calls, 1);
}

// As between the fork and the exec of an upgrade: the kernel goes on watching what is closed here.
TEST_F(EventLoopTest, ACopyElsewhereOfAForgottenDescriptorReachesNobody) {
  const Pair pair;
  auto handler = std::make_unique<TestHandler>();
  ASSERT_EQ(loop_.Register(pair.ours, handler.get()), 0);
  Turn();
  const int copy = dup(pair.ours);
  loop_.Forget(pair.ours, handler.get());
  const int number = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  ASSERT_EQ(dup2(number, pair.ours), pair.ours) << "closes it, and its number is another's";
  handler.reset();
  pair.Send();
  Turn();
  EXPECT_EQ(loop_.stats().events, 1u) << "of the first turn";

  TestHandler fresh;
  ASSERT_EQ(loop_.Register(pair.ours, &fresh, EPOLLIN | EPOLLET), 0);
  pair.Send();
  Turn();
  EXPECT_EQ(fresh.calls, 0);
  const uint64_t one = 1;
  ASSERT_EQ(write(number, &one, sizeof(one)), static_cast<ssize_t>(sizeof(one)));
  Turn();
  EXPECT_EQ(fresh.calls, 1);
  loop_.Unregister(pair.ours, &fresh);
  close(copy);
  close(number);
}

TEST_F(EventLoopTest, AnotherHandlerTakesOver) {
  const Pair pair;
  TestHandler first;
  TestHandler second;
  ASSERT_EQ(loop_.Register(pair.ours, &first), 0);
  loop_.Rebind(pair.ours, &first, &second);
  Turn();
  EXPECT_EQ(first.calls, 0);
  EXPECT_EQ(second.calls, 1);
  loop_.Unregister(pair.ours, &second);
}

TEST_F(EventLoopTest, MoreEventsThanFitInATurnComeInTheNext) {
  constexpr int kMore = EventLoop::kMaxEventsPerTurn + 10;
  std::vector<int> fds;
  std::vector<std::unique_ptr<TestHandler>> handlers;
  for (int i = 0; i < kMore; ++i) {
    fds.push_back(eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC));
    handlers.push_back(std::make_unique<TestHandler>());
    ASSERT_EQ(loop_.Register(fds.back(), handlers.back().get(), EPOLLIN | EPOLLET), 0);
  }
  Turn();
  EXPECT_EQ(loop_.stats().events, uint64_t{EventLoop::kMaxEventsPerTurn});
  Turn();
  EXPECT_EQ(loop_.stats().events, uint64_t{kMore});
  for (int i = 0; i < kMore; ++i) {
    EXPECT_EQ(handlers[i]->calls, 1);
    loop_.Unregister(fds[i], handlers[i].get());
    close(fds[i]);
  }
}

TEST_F(EventLoopTest, WhoIsServedInTurnComesBehindTheOthers) {
  const Pair client;
  const Pair upstream;
  std::string log;
  TestHandler in_turn;
  TestHandler at_once;
  in_turn.on_events = [&] { log += "client "; };
  at_once.on_events = [&] { log += "upstream "; };
  ASSERT_EQ(
      loop_.Register(client.ours, &in_turn, EventLoop::kConnectionEvents, Precedence::kInTurn), 0);
  ASSERT_EQ(loop_.Register(upstream.ours, &at_once), 0);
  Turn();
  EXPECT_EQ(log, "upstream client ");
  EXPECT_EQ(loop_.stats().events, 2u);
  loop_.Unregister(client.ours, &in_turn);
  loop_.Unregister(upstream.ours, &at_once);
}

// Those at once are heard in every turn, however many wait for theirs, and no turn sleeps while
// anyone waits.
TEST_F(EventLoopTest, AFewAreServedPerTurn) {
  constexpr int kClients = EventLoop::kMaxServedPerTurn + 10;
  int served = 0;
  NewClients(kClients);
  for (auto& handler : handlers_) handler->on_events = [&] { ++served; };
  Turn();
  EXPECT_EQ(served, EventLoop::kMaxServedPerTurn);
  const Pair upstream;
  TestHandler at_once;
  at_once.on_events = [&] { EXPECT_EQ(served, EventLoop::kMaxServedPerTurn); };
  ASSERT_EQ(loop_.Register(upstream.ours, &at_once), 0);
  loop_.RunOnce();
  EXPECT_EQ(at_once.calls, 1);
  EXPECT_EQ(served, kClients);
  for (int i = 0; i < kClients; ++i) {
    EXPECT_EQ(handlers_[i]->calls, 1);
    loop_.Unregister(pairs_[i]->ours, handlers_[i].get());
  }
  loop_.Unregister(upstream.ours, &at_once);
}

// However often it is told of something while it waits.
TEST_F(EventLoopTest, OneThatWaitsForItsTurnHearsOfEverythingAtOnce) {
  constexpr int kClients = EventLoop::kMaxServedPerTurn * 2;
  NewClients(kClients);
  Turn();
  const TestHandler& last = *handlers_.back();
  ASSERT_EQ(last.calls, 0);
  pairs_.back()->Send();
  Turn();
  EXPECT_EQ(last.calls, 1);
  EXPECT_EQ(last.last_events, uint32_t{EPOLLIN | EPOLLOUT});
  Turn();
  EXPECT_EQ(last.calls, 1);
  for (int i = 0; i < kClients; ++i) loop_.Unregister(pairs_[i]->ours, handlers_[i].get());
}

TEST_F(EventLoopTest, UnregisterDropsWhoWaitsForALaterTurn) {
  constexpr int kClients = EventLoop::kMaxServedPerTurn + 1;
  NewClients(kClients);
  Turn();
  for (int i = 0; i < kClients; ++i) {
    loop_.Unregister(pairs_[i]->ours, handlers_[i].get());
    handlers_[i].reset();
  }
  Turn();
  EXPECT_EQ(loop_.stats().events, uint64_t{EventLoop::kMaxServedPerTurn});
}

class TimerOwner {
 public:
  explicit TimerOwner(std::function<void(TimePoint)> on_timer) : on_timer_(std::move(on_timer)) {}
  void OnTimer(TimePoint now) { on_timer_(now); }
  Timer& timer() { return timer_; }

 private:
  std::function<void(TimePoint)> on_timer_;
  MemberTimer<TimerOwner, &TimerOwner::OnTimer> timer_{this};
};

TEST_F(EventLoopTest, FiresTimersWhenTheirTimeHasCome) {
  std::vector<TimePoint> fired;
  TimerOwner owner([&](TimePoint now) { fired.push_back(now); });
  loop_.timers().Arm(owner.timer(), clock_.Now() + milliseconds(50));
  clock_.Advance(milliseconds(49));
  Turn();
  EXPECT_TRUE(fired.empty());
  clock_.Advance(milliseconds(1));
  Turn();
  ASSERT_EQ(fired.size(), 1u);
  EXPECT_EQ(fired[0], clock_.Now());
  EXPECT_EQ(loop_.stats().timers_fired, 1u);
}

TEST_F(EventLoopTest, ATurnIsEventsThenTimersThenTasksThenGraves) {
  struct Noted {
    explicit Noted(std::string* log) : log(log) {}
    ~Noted() { *log += "grave "; }
    std::string* log;
  };
  std::string log;
  const Pair pair;
  TestHandler handler;
  handler.on_events = [&] { log += "event "; };
  TimerOwner owner([&](TimePoint) { log += "timer "; });
  TestTask task([&] { log += "task "; });
  loop_.DestroyLater(std::make_unique<Noted>(&log));
  loop_.Queue(task);
  loop_.timers().Arm(owner.timer(), clock_.Now());
  ASSERT_EQ(loop_.Register(pair.ours, &handler), 0);
  Turn();
  EXPECT_EQ(log, "event timer task grave ");
  loop_.Unregister(pair.ours, &handler);
}

TEST_F(EventLoopTest, TheTimeStandsStillDuringATurn) {
  std::vector<TimePoint> seen;
  TestTask first([&] {
    seen.push_back(loop_.now());
    clock_.Advance(seconds(1));
  });
  TestTask second([&] { seen.push_back(loop_.now()); });
  loop_.Queue(first);
  loop_.Queue(second);
  Turn();
  EXPECT_EQ(seen, (std::vector{ManualClock::kStart, ManualClock::kStart}));
  Turn();
  EXPECT_EQ(loop_.now(), ManualClock::kStart + seconds(1));
}

TEST_F(EventLoopTest, TheCalendarIsReadOncePerTurn) {
  const WallTime jumped = ManualClock::kWallStart + seconds(3600);
  TestTask task([&] {
    EXPECT_EQ(loop_.wall_now(), ManualClock::kWallStart);
    clock_.SetWall(jumped);
    EXPECT_EQ(loop_.wall_now(), ManualClock::kWallStart);
  });
  loop_.Queue(task);
  Turn();
  Turn();
  EXPECT_EQ(loop_.wall_now(), jumped);
}

class Queuer {
 public:
  explicit Queuer(EventLoop* loop) : loop_(loop) {}
  void Run() {
    if (++runs_ < 3) loop_->Queue(task_);
  }
  int runs() const { return runs_; }
  Task& task() { return task_; }

 private:
  EventLoop* loop_;
  int runs_ = 0;
  MemberTask<Queuer, &Queuer::Run> task_{this};
};

// Without a bound to the wait: a turn that slept would hang the test.
TEST_F(EventLoopTest, ATaskQueuedByATaskRunsInTheNextTurnWhichDoesNotSleep) {
  Queuer queuer(&loop_);
  loop_.Queue(queuer.task());
  for (int turn = 1; turn <= 3; ++turn) {
    loop_.RunOnce();
    EXPECT_EQ(queuer.runs(), turn);
  }
  EXPECT_FALSE(queuer.task().queued());
}

TEST_F(EventLoopTest, TasksRunOnceInTheOrderOfQueueing) {
  std::string log;
  TestTask a([&] { log += "a"; });
  TestTask b([&] { log += "b"; });
  TestTask c([&] { log += "c"; });
  loop_.Queue(b);
  loop_.Queue(a);
  loop_.Queue(b);
  loop_.Queue(c);
  EXPECT_TRUE(a.queued());
  Turn();
  EXPECT_EQ(log, "bac");
  EXPECT_FALSE(a.queued());
  Turn();
  EXPECT_EQ(log, "bac");
}

TEST_F(EventLoopTest, DestroyedTasksDoNotRun) {
  std::string log;
  std::vector<std::unique_ptr<TestTask>> tasks;
  for (int i = 0; i < 5; ++i) {
    tasks.push_back(std::make_unique<TestTask>([&log, i] { log += std::to_string(i); }));
    loop_.Queue(*tasks.back());
  }
  tasks[0].reset();
  tasks[2].reset();
  tasks[4].reset();
  Turn();
  EXPECT_EQ(log, "13");
}

TEST_F(EventLoopTest, ATaskMayDestroyItselfAndOthers) {
  std::vector<std::unique_ptr<TestTask>> tasks;
  int runs = 0;
  for (int i = 0; i < 5; ++i) {
    tasks.push_back(std::make_unique<TestTask>([&] {
      ++runs;
      tasks.clear();
    }));
    loop_.Queue(*tasks.back());
  }
  Turn();
  EXPECT_EQ(runs, 1);
  Turn();
  EXPECT_EQ(runs, 1);
}

// Notes its end, and may put another one aside in its destructor.
struct Grave {
  Grave(std::string* log, char name) : log(log), name(name) {}
  ~Grave() {
    log->push_back(name);
    if (next != nullptr) loop->DestroyLater(std::move(next));
  }
  std::string* log;
  char name;
  EventLoop* loop = nullptr;
  std::unique_ptr<Grave> next;
};

TEST_F(EventLoopTest, DestroysAtTheEndOfTheTurnInOrder) {
  std::string log;
  TestTask first([&] {
    auto grave = std::make_unique<Grave>(&log, 'a');
    grave->loop = &loop_;
    grave->next = std::make_unique<Grave>(&log, 'c');
    loop_.DestroyLater(std::move(grave));
    loop_.DestroyLater(std::make_unique<Grave>(&log, 'b'));
  });
  TestTask second([&] { log += "task "; });
  loop_.Queue(first);
  loop_.Queue(second);
  Turn();
  EXPECT_EQ(log, "task abc");
}

TEST(EventLoopLifeTest, DestructionDestroysWhatWasPutAsideAndLetsGoOfTheRest) {
  ManualClock clock;
  std::string log;
  TestTask task([&] { log += "task"; });
  TimerOwner owner([&](TimePoint) { log += "timer"; });
  {
    EventLoop loop(&clock);
    loop.DestroyLater(std::make_unique<Grave>(&log, 'a'));
    loop.Queue(task);
    loop.timers().Arm(owner.timer(), clock.Now());
  }
  EXPECT_EQ(log, "a");
  EXPECT_FALSE(task.queued());
  EXPECT_FALSE(owner.timer().armed());
}

TEST(EventLoopLifeTest, RunTurnsUntilStop) {
  const SystemClock clock;
  EventLoop loop(&clock);
  int fired = 0;
  TimerOwner owner([&](TimePoint now) {
    if (++fired == 3) {
      loop.Stop();
    } else {
      loop.timers().Arm(owner.timer(), now + TimerWheel::kTick);
    }
  });
  loop.timers().Arm(owner.timer(), clock.Now());
  const TimePoint start = clock.Now();
  loop.Run();
  EXPECT_TRUE(loop.stopped());
  EXPECT_EQ(fired, 3);
  EXPECT_GE(clock.Now() - start, TimerWheel::kTick);
  // It sleeps until a deadline, rather than asking again and again: each timer is a turn, and one
  // more where the wait crosses from one slot of an upper level to the next.
  EXPECT_LE(loop.stats().turns, 3u + 2 * TimerWheel::kLevels);
  EXPECT_LT(loop.stats().busy, clock.Now() - start);
}

TEST(EventLoopLifeTest, ATimerEndsAWaitWithoutBound) {
  const SystemClock clock;
  EventLoop loop(&clock);
  bool fired = false;
  TimerOwner owner([&](TimePoint) { fired = true; });
  const TimePoint deadline = clock.Now() + milliseconds(15);
  loop.timers().Arm(owner.timer(), deadline);
  while (!fired) loop.RunOnce();
  EXPECT_GE(loop.now(), deadline);
  EXPECT_LE(loop.stats().turns, 1u + TimerWheel::kLevels);
}

TEST_F(EventLoopTest, BusyTimeIsWhatTheTurnsTook) {
  TestTask task([&] { clock_.Advance(milliseconds(3)); });
  clock_.Advance(seconds(5));  // before the first turn: nobody's work
  loop_.Queue(task);
  Turn();
  Turn();
  EXPECT_EQ(loop_.stats().busy, milliseconds(3));
  EXPECT_EQ(loop_.stats().turns, 2u);
}

TEST(EventLoopLifeTest, ASignalEndsTheWaitButNotTheLoop) {
  struct sigaction ignore_without_restart {};
  ignore_without_restart.sa_handler = [](int) {};
  struct sigaction before {};
  ASSERT_EQ(sigaction(SIGUSR1, &ignore_without_restart, &before), 0);

  const SystemClock clock;
  EventLoop loop(&clock);
  const pthread_t waiter = pthread_self();
  std::atomic<bool> woken{false};
  // Until it is woken: a signal that comes before the wait is lost.
  std::thread sender([&] {
    while (!woken.load()) {
      pthread_kill(waiter, SIGUSR1);
      std::this_thread::yield();
    }
  });
  loop.RunOnce();
  woken = true;
  sender.join();
  EXPECT_EQ(loop.stats().events, 0u);
  EXPECT_EQ(loop.stats().turns, 1u);
  sigaction(SIGUSR1, &before, nullptr);
}

TEST(EventLoopLifeTest, AnotherThreadMayTakeItDownAfterRun) {
  const SystemClock clock;
  EventLoop loop(&clock);
  const Pair pair;
  TestHandler handler;
  handler.on_events = [&] { loop.Stop(); };
  ASSERT_EQ(loop.Register(pair.ours, &handler), 0);
  std::thread thread([&] { loop.Run(); });
  thread.join();
  EXPECT_EQ(handler.calls, 1);
  loop.Unregister(pair.ours, &handler);
}

using EventLoopDeathTest = EventLoopTest;

TEST_F(EventLoopDeathTest, AnotherThreadMustNotTouchIt) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Turn();
  TestTask task([] {});
  EXPECT_DEATH(std::thread([&] { loop_.Queue(task); }).join(), "broken invariant");
}

TEST_F(EventLoopDeathTest, UnregisterComesBeforeClose) {
  TestHandler handler;
  const int fd = eventfd(0, EFD_CLOEXEC);
  ASSERT_EQ(loop_.Register(fd, &handler), 0);
  close(fd);
  EXPECT_DEATH(loop_.Unregister(fd, &handler), "broken invariant");
}

TEST_F(EventLoopDeathTest, OnlyWhoHearsOfADescriptorMayGiveItUp) {
  const Pair pair;
  TestHandler handler;
  TestHandler other;
  ASSERT_EQ(loop_.Register(pair.ours, &handler), 0);
  EXPECT_DEATH(loop_.Forget(pair.ours, &other), "broken invariant");
  EXPECT_DEATH(loop_.Unregister(pair.theirs, &handler), "broken invariant");
  loop_.Unregister(pair.ours, &handler);
}

TEST_F(EventLoopDeathTest, ATurnDoesNotTurn) {
  TestTask task([&] { Turn(); });
  loop_.Queue(task);
  EXPECT_DEATH(Turn(), "broken invariant");
}

}  // namespace
}  // namespace holdfast::pool
