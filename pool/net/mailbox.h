#ifndef HOLDFAST_POOL_NET_MAILBOX_H_
#define HOLDFAST_POOL_NET_MAILBOX_H_

#include <mutex>
#include <vector>

#include <absl/functional/any_invocable.h>

#include "pool/net/event_loop.h"

namespace holdfast::pool {

// Door 1: work for another thread's loop. Any thread posts; the letters run in order on the loop's
// thread. A letter that a letter posts to its own loop runs in the next turn. One eventfd write
// wakes the loop however many letters wait. The mailbox's destruction destroys the letters that are
// left, unrun, on the destroying thread.
//
// The loop's thread destroys it, or whoever joined that thread; a letter never does. By then the
// posters have been told to stop; one whose letter was the last to run may still be inside Post.
//
// Everything the poster did before Post is visible to the letter when it runs.
class Mailbox final : private EventHandler {
 public:
  using Letter = absl::AnyInvocable<void()>;

  // Registers with `loop`, which must outlive it. Construct before the loop's thread runs, or on
  // it.
  explicit Mailbox(EventLoop* loop);
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // Any thread. Callers bound how much they post (config, DNS, batches): the box itself does not.
  void Post(Letter letter);

 private:
  void OnEvents(uint32_t events) override;

  EventLoop* loop_;
  int event_fd_;
  std::mutex mutex_;
  std::vector<Letter> letters_;  // under mutex_
  std::vector<Letter> running_;  // loop thread; empty outside OnEvents, keeps its memory
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_MAILBOX_H_
