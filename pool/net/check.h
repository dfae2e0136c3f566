#ifndef HOLDFAST_POOL_NET_CHECK_H_
#define HOLDFAST_POOL_NET_CHECK_H_

// Checks of invariants, which stay in every build. A broken invariant ends the process, because
// going on could hand one client's bytes to another. Nothing that a peer sends may break one.

namespace holdfast::pool {

// Prints the place and the condition to standard error and aborts.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);

}  // namespace holdfast::pool

#define HOLDFAST_CHECK(condition)                                    \
  do {                                                               \
    if (!(condition)) [[unlikely]] {                                 \
      ::holdfast::pool::CheckFailed(__FILE__, __LINE__, #condition); \
    }                                                                \
  } while (false)

#endif  // HOLDFAST_POOL_NET_CHECK_H_
