#ifndef HOLDFAST_GATEWAY_SERVER_LOG_WRITER_H_
#define HOLDFAST_GATEWAY_SERVER_LOG_WRITER_H_

#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <absl/status/status.h>

#include "gateway/config/access_log.h"
#include "gateway/server/line_output.h"
#include "pool/net/event_loop.h"
#include "pool/net/mailbox.h"
#include "pool/net/socket.h"

namespace holdfast::server {

// The thread that writes one target of the access log, so that a slow disk or a full pipe holds
// nobody else up.
// Batches arrive through its mailbox, and it writes them in order. It acknowledges each, and so the
// senders can bound what is in flight.
//
// The main thread constructs, opens, reopens and destroys it; any thread may call Write after the
// first Open. Destruction writes the batches that have arrived, gives a reader that has stopped
// reading LineOutput::kLastPatience, and ends the thread.
class LogWriter {
 public:
  explicit LogWriter(const pool::Clock* clock);
  ~LogWriter();

  // Opens the target, or gives an error that names it and the reason. Later batches go there;
  // earlier ones go to the old target, with the same patience for a reader that has stopped. If the
  // target stays the same nothing is lost.
  absl::Status Open(const config::AccessLog& target);
  // Opens the file anew under its name (after it was renamed), or keeps the old one if that fails.
  absl::Status Reopen();
  // What has arrived is written, with the same patience; the target is then given up. What comes
  // later is lost, until it is opened again.
  void Close();
  // From now on a reader that has stopped reading is waited for as destruction waits, which
  // follows.
  void Hurry() { output_.Interrupt(); }
  // Writes the batch. Then `done` runs on the writer's thread and hears whether all was written.
  void Write(std::string batch, std::function<void(bool written)> done);

 private:
  // Device and inode.
  using Identity = std::pair<uint64_t, uint64_t>;

  // Mails the thread its new target. `file` owns `fd`, unless that is a standard stream.
  void Move(pool::FileDescriptor file, int fd);

  pool::EventLoop loop_;
  pool::Mailbox mailbox_;
  // Only the main thread uses these.
  std::string path_;  // empty: standard output or error
  std::optional<Identity> identity_;
  // Only the writer's thread uses these from the first Open on; the main thread interrupts it.
  pool::FileDescriptor file_;
  LineOutput output_;
  std::thread thread_;
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_LOG_WRITER_H_
