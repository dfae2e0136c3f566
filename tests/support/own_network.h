#ifndef HOLDFAST_TESTS_SUPPORT_OWN_NETWORK_H_
#define HOLDFAST_TESTS_SUPPORT_OWN_NETWORK_H_

#include <gtest/gtest.h>

namespace holdfast::support {

// Moves the process into a network of its own, in which there is nothing but a loopback interface:
// no address that a test makes up leads anywhere. Once, before it starts threads or programs; those
// are in it as well. False, with the reason printed, where the kernel does not allow that.
bool EnterOwnNetwork();

// From now on connections without a port of their own get one of these (ip_local_port_range). False
// where that may not be changed. Only in a network of one's own.
bool SetLocalPorts(int first, int last);

// Tests in a network of their own. Where the kernel does not let this user have one (as in some
// containers) they are skipped rather than send packets to addresses that they have made up.
class OwnNetworkTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { entered_ = EnterOwnNetwork(); }
  void SetUp() override {
    // Else packets would leave for addresses that the test makes up.
    if (!entered_) GTEST_SKIP() << "needs a network of its own";
  }

 private:
  static inline bool entered_ = false;
};

}  // namespace holdfast::support

#endif  // HOLDFAST_TESTS_SUPPORT_OWN_NETWORK_H_
