#ifndef HOLDFAST_GATEWAY_SERVER_LOG_WRITER_H_
#define HOLDFAST_GATEWAY_SERVER_LOG_WRITER_H_

#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <absl/status/status.h>

#include "gateway/config/config.h"
#include "gateway/server/line_output.h"
#include "pool/net/event_loop.h"
#include "pool/net/mailbox.h"
#include "pool/net/socket.h"

namespace holdfast::server {

// The thread that writes the access log, so that a slow disk or a full pipe holds up nobody else.
// Batches arrive through its mailbox and are written in order; each is acknowledged, by which the
// senders bound what is in flight.
//
// Constructed, opened, reopened and destroyed on the main thread; Write is for any thread, after
// the first Open. Destruction writes what has arrived, for which a reader that has stopped reading
// has LineOutput::kLastPatience, and ends the thread.
class LogWriter {
 public:
  explicit LogWriter(const pool::Clock* clock);
  ~LogWriter();

  // Opens the target, or names it and the reason why not. From then on batches go there; earlier
  // ones go where they were meant to, for which a reader that has stopped has the same patience.
  // A target that stays what it was loses nothing.
  absl::Status Open(const config::AccessLog& target);
  // Opens the file anew under its name (after it was renamed). Keeps the old one if that fails.
  absl::Status Reopen();
  // `done` runs on the writer's thread afterwards and hears whether all of it was written.
  void Write(std::string batch, std::function<void(bool written)> done);

 private:
  // Device and inode.
  using Identity = std::pair<uint64_t, uint64_t>;

  // Mails the thread its new target. `file` owns `fd`, unless that is a standard stream.
  void Move(pool::FileDescriptor file, int fd);

  pool::EventLoop loop_;
  pool::Mailbox mailbox_;
  // The main thread's.
  std::string path_;  // empty: standard output or error
  std::optional<Identity> identity_;
  // The thread's from the first Open on; it is interrupted by the main thread.
  pool::FileDescriptor file_;
  LineOutput output_;
  std::thread thread_;
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_LOG_WRITER_H_
