#include "tests/support/deadline.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>

namespace holdfast::support {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Deadline::Deadline(milliseconds patience) : at_(steady_clock::now() + patience) {}

bool Deadline::passed() const { return steady_clock::now() >= at_; }

int Deadline::Milliseconds() const {
  const auto left = std::chrono::ceil<milliseconds>(at_ - steady_clock::now());
  return static_cast<int>(std::max<int64_t>(left.count(), 0));
}

bool AwaitReady(int fd, short events, const Deadline& deadline) {
  if (fd < 0) return false;  // poll(2) would wait for nothing
  while (true) {
    pollfd entry{.fd = fd, .events = events, .revents = 0};
    const int ready = poll(&entry, 1, deadline.Milliseconds());
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

bool Eventually(const std::function<bool()>& condition, milliseconds patience) {
  constexpr int kIntervalMs = 3;
  const Deadline deadline(patience);
  while (true) {
    if (condition()) return true;
    if (deadline.passed()) return false;
    poll(nullptr, 0, kIntervalMs);
  }
}

}  // namespace holdfast::support
