#ifndef HOLDFAST_GATEWAY_SERVER_LOG_WRITER_H_
#define HOLDFAST_GATEWAY_SERVER_LOG_WRITER_H_

#include <functional>
#include <memory>
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
// Constructed, opened and destroyed on the main thread; Write and Reopen are for any thread.
// Destruction writes what has arrived and ends the thread.
class LogWriter {
 public:
  explicit LogWriter(const pool::Clock* clock);
  ~LogWriter();

  // Opens the target, or names it and the reason why not. From then on batches go there.
  absl::Status Open(const config::AccessLog& target);
  // Opens the file anew under its name (after it was renamed). Keeps the old one if that fails.
  void Reopen();
  // `done` runs on the writer's thread afterwards.
  void Write(std::string batch, std::function<void()> done);

 private:
  void WriteAll(const std::string& batch);

  pool::EventLoop loop_;
  pool::Mailbox mailbox_;
  // The thread's from the first Open on.
  std::string path_;  // empty: standard output or error
  pool::FileDescriptor file_;
  int fd_ = -1;
  std::thread thread_;
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_LOG_WRITER_H_
