#ifndef HOLDFAST_GATEWAY_SERVER_LOG_WRITER_H_
#define HOLDFAST_GATEWAY_SERVER_LOG_WRITER_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include <absl/status/status.h>

#include "gateway/config/config.h"
#include "pool/net/event_loop.h"
#include "pool/net/mailbox.h"
#include "pool/net/socket.h"

namespace holdfast::server {

// The thread that writes the access log, so that a slow disk or a full pipe holds up nobody else.
// Batches arrive through its mailbox and are written in order; each is acknowledged, by which the
// senders bound what is in flight.
//
// Constructed, opened and destroyed on the main thread; Write and Reopen are for any thread, after
// the first Open. Destruction writes what has arrived, for which a reader that has stopped reading
// has kLastPatience, and ends the thread.
class LogWriter {
 public:
  static constexpr pool::Duration kLastPatience = std::chrono::seconds(1);

  explicit LogWriter(const pool::Clock* clock);
  ~LogWriter();

  // Opens the target, or names it and the reason why not. From then on batches go there.
  absl::Status Open(const config::AccessLog& target);
  // Opens the file anew under its name (after it was renamed). Keeps the old one if that fails.
  void Reopen();
  // `done` runs on the writer's thread afterwards and hears whether all of it was written.
  void Write(std::string batch, std::function<void(bool written)> done);

 private:
  bool WriteAll(const std::string& batch);
  // The end of what Interrupt began.
  void TakeOver(pool::FileDescriptor file, int fd);
  // From another thread: a reader that has stopped reading has kLastPatience left.
  void Interrupt();
  // False when an interrupted wait has run out of patience.
  bool AwaitRoom();

  pool::EventLoop loop_;
  pool::Mailbox mailbox_;
  // The thread's from the first Open on.
  std::string path_;  // empty: standard output or error
  pool::FileDescriptor file_;
  int fd_ = -1;
  size_t piece_bytes_ = 0;                     // at most, in one write
  std::optional<pool::TimePoint> give_up_at_;  // while interrupted
  // An eventfd that counts interruptions: one for each new target under way, one for the end.
  pool::FileDescriptor interrupts_;
  std::thread thread_;
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_LOG_WRITER_H_
