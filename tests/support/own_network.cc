#include "tests/support/own_network.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

namespace holdfast::support {
namespace {

bool Fail(const char* what) {
  std::printf("no network of its own: %s: %s\n", what, std::strerror(errno));
  return false;
}

bool BringLoopbackUp() {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", sizeof(request.ifr_name) - 1);
  bool up = ioctl(fd, SIOCGIFFLAGS, &request) == 0;
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  up = up && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
  close(fd);
  return up;
}

}  // namespace

bool EnterOwnNetwork() {
  if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
    return Fail("unshare");
  }
  return BringLoopbackUp() || Fail("lo");
}

bool SetLocalPorts(int first, int last) {
  const int fd = open("/proc/sys/net/ipv4/ip_local_port_range", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return Fail("ip_local_port_range");
  const std::string range = std::to_string(first) + " " + std::to_string(last);
  const bool set = write(fd, range.data(), range.size()) == static_cast<ssize_t>(range.size());
  if (!set) Fail("ip_local_port_range");
  close(fd);
  return set;
}

}  // namespace holdfast::support
