#ifndef HOLDFAST_GATEWAY_SERVER_HEARTBEATS_H_
#define HOLDFAST_GATEWAY_SERVER_HEARTBEATS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "pool/net/clock.h"

namespace holdfast::server {

// Which workers still answer. The server pings each of them; a worker whose answer is late has a
// loop that does not turn. A plain value of the main thread.
class Heartbeats {
 public:
  static constexpr pool::Duration kInterval = std::chrono::seconds(1);
  static constexpr pool::Duration kLate = std::chrono::seconds(5);

  Heartbeats(size_t workers, pool::TimePoint now) : beats_(workers, Beat{now, false}) {}

  // Whether to ping `worker` now: it has answered the last ping.
  bool BeginPing(size_t worker, pool::TimePoint now);
  void OnPong(size_t worker, pool::TimePoint now);

  // Which workers are late, for people; empty when all is well.
  std::string Trouble(pool::TimePoint now) const;

 private:
  struct Beat {
    pool::TimePoint since;  // the ping under way was sent, or the last answer came
    bool pinged;
  };
  std::vector<Beat> beats_;
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_HEARTBEATS_H_
