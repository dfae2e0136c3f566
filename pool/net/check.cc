#include "pool/net/check.h"

#include <cstdio>
#include <cstdlib>

namespace holdfast::pool {

void CheckFailed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, condition);
  std::fflush(stderr);
  std::abort();
}

}  // namespace holdfast::pool
