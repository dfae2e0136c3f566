#ifndef HOLDFAST_TESTS_SUPPORT_ADDRESS_SPACE_H_
#define HOLDFAST_TESTS_SUPPORT_ADDRESS_SPACE_H_

#include <sys/resource.h>

#include <cstddef>

namespace holdfast::support {

// While it lives, the process may reserve about `more` bytes beyond what it has, as where an
// operator has set a limit (RLIMIT_AS). Leave room for what the test itself allocates, and for a
// sanitizer: 64 MiB do.
class ScarceAddressSpace {
 public:
  explicit ScarceAddressSpace(size_t more);
  ScarceAddressSpace(const ScarceAddressSpace&) = delete;
  ScarceAddressSpace& operator=(const ScarceAddressSpace&) = delete;
  ~ScarceAddressSpace();

 private:
  rlimit before_{};
};

}  // namespace holdfast::support

#endif  // HOLDFAST_TESTS_SUPPORT_ADDRESS_SPACE_H_
