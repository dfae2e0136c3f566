#include "tests/support/address_space.h"

#include <unistd.h>

#include <fstream>

#include <gtest/gtest.h>

namespace holdfast::support {

ScarceAddressSpace::ScarceAddressSpace(size_t more) {
  size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  EXPECT_GT(pages, 0u);
  EXPECT_EQ(getrlimit(RLIMIT_AS, &before_), 0);
  rlimit scarce = before_;
  scarce.rlim_cur = pages * static_cast<size_t>(sysconf(_SC_PAGESIZE)) + more;
  EXPECT_EQ(setrlimit(RLIMIT_AS, &scarce), 0);
}

ScarceAddressSpace::~ScarceAddressSpace() { EXPECT_EQ(setrlimit(RLIMIT_AS, &before_), 0); }

}  // namespace holdfast::support
