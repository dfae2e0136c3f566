#ifndef HOLDFAST_POOL_DNS_RESOLV_CONF_WATCH_H_
#define HOLDFAST_POOL_DNS_RESOLV_CONF_WATCH_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include "pool/net/clock.h"

namespace holdfast::pool {

// Tells whether a resolv.conf has changed since it was read. A plain value that looks at the file
// system and has no callbacks.
class ResolvConfWatch {
 public:
  // How often at most the file is looked at.
  static constexpr Duration kInterval = std::chrono::seconds(1);

  // The caller reads the file next, so that a change in between is found the next time.
  ResolvConfWatch(std::string path, TimePoint now);

  // Whether the file is another one than the last time, or has other contents; the caller then
  // reads it. A file that is not there has not changed: without it there is nothing better than
  // what is known.
  bool Changed(TimePoint now);

 private:
  // Tells one state of a file from another: device, inode, size and time of its last change.
  using Stamp = std::tuple<uint64_t, uint64_t, int64_t, int64_t, int64_t>;
  static std::optional<Stamp> StampOf(const std::string& path);

  std::string path_;
  TimePoint looked_;
  std::optional<Stamp> stamp_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_DNS_RESOLV_CONF_WATCH_H_
