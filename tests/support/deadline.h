#ifndef HOLDFAST_TESTS_SUPPORT_DEADLINE_H_
#define HOLDFAST_TESTS_SUPPORT_DEADLINE_H_

#include <chrono>
#include <functional>

namespace holdfast::support {

// How long a test waits for what must come. Generous: under a sanitizer, on a machine that does
// much else, it still only bounds a failure.
inline constexpr std::chrono::milliseconds kPatience{20'000};

// A point in time after which a wait is given up.
class Deadline {
 public:
  explicit Deadline(std::chrono::milliseconds patience = kPatience);

  bool passed() const;
  // What is left, as poll(2) takes it; 0 once passed.
  int Milliseconds() const;

 private:
  std::chrono::steady_clock::time_point at_;
};

// Waits until `fd` is ready for `events` (poll(2)); false at the deadline, and at once for no fd.
bool AwaitReady(int fd, short events, const Deadline& deadline);

// Looks at `condition` every few milliseconds until it holds; false at the deadline. For what
// offers nothing to wait for: files, counters, other processes.
bool Eventually(const std::function<bool()>& condition,
                std::chrono::milliseconds patience = kPatience);

}  // namespace holdfast::support

#endif  // HOLDFAST_TESTS_SUPPORT_DEADLINE_H_
