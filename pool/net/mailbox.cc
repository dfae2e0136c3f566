#include "pool/net/mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "pool/net/check.h"

namespace holdfast::pool {

Mailbox::Mailbox(EventLoop* loop) : loop_(loop), event_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  HOLDFAST_CHECK(event_fd_ >= 0);
  HOLDFAST_CHECK(loop_->Register(event_fd_, this, EPOLLIN) == 0);
}

Mailbox::~Mailbox() {
  HOLDFAST_CHECK(running_.empty());
  loop_->Unregister(event_fd_, this);
  const std::lock_guard<std::mutex> lock(mutex_);
  close(event_fd_);
}

void Mailbox::Post(Letter letter) {
  // Wakes the loop before the lock is let go: as soon as the letter can run, it may be the one
  // that ends the loop, and with it this mailbox.
  const std::lock_guard<std::mutex> lock(mutex_);
  letters_.push_back(std::move(letter));
  if (letters_.size() > 1) return;
  const uint64_t one = 1;
  HOLDFAST_CHECK(write(event_fd_, &one, sizeof(one)) == sizeof(one));
}

void Mailbox::OnEvents(uint32_t /*events*/) {
  {
    // The counter is taken down together with the letters it announced, so no wake-up is lost
    // and none comes for an empty box.
    const std::lock_guard<std::mutex> lock(mutex_);
    uint64_t count = 0;
    HOLDFAST_CHECK(read(event_fd_, &count, sizeof(count)) == sizeof(count));
    running_.swap(letters_);
  }
  for (Letter& letter : running_) std::exchange(letter, nullptr)();
  running_.clear();
}

}  // namespace holdfast::pool
