#include "gateway/standard_streams.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast {
namespace {

bool IsNull(int fd) {
  struct stat null;
  struct stat file;
  return stat("/dev/null", &null) == 0 && fstat(fd, &file) == 0 && S_ISCHR(file.st_mode) &&
         file.st_rdev == null.st_rdev;
}

// In a process of its own: whether, started without `closed`, exactly those are /dev/null, and
// what is opened afterwards has another number.
bool Repairs(const std::vector<int>& closed) {
  const pid_t child = fork();
  if (child == 0) {
    int ends[2];
    bool right = pipe(ends) == 0;
    for (const int fd : {0, 1, 2}) right = right && dup2(ends[1], fd) == fd;
    for (const int fd : closed) close(fd);
    OpenStandardStreams();
    for (const int fd : {0, 1, 2}) {
      const bool was_closed = std::ranges::find(closed, fd) != closed.end();
      right = right && IsNull(fd) == was_closed;
    }
    right = right && open("/dev/zero", O_RDONLY) > 2;
    _exit(right ? 0 : 1);
  }
  int status = -1;
  return waitpid(child, &status, 0) == child && status == 0;
}

TEST(StandardStreamsTest, EachClosedOneBecomesTheNullDevice) {
  for (const int fd : {0, 1, 2}) EXPECT_TRUE(Repairs({fd})) << fd;
}

TEST(StandardStreamsTest, SeveralAtOnce) {
  EXPECT_TRUE(Repairs({0, 1}));
  EXPECT_TRUE(Repairs({0, 2}));
  EXPECT_TRUE(Repairs({1, 2}));
  EXPECT_TRUE(Repairs({0, 1, 2}));
}

TEST(StandardStreamsTest, OpenOnesAreLeftAlone) { EXPECT_TRUE(Repairs({})); }

}  // namespace
}  // namespace holdfast
