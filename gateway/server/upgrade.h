#ifndef HOLDFAST_GATEWAY_SERVER_UPGRADE_H_
#define HOLDFAST_GATEWAY_SERVER_UPGRADE_H_

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>

#include "gateway/server/inheritance.h"
#include "pool/net/event_loop.h"
#include "pool/net/socket.h"

// A new process takes the place of a running one (SIGUSR2), say because the program's file has been
// replaced. The old process starts the new one as it was started itself and hands its listening
// sockets on, so that the port is never closed and whoever accepts first serves the clients in the
// queues. The new process says through a pipe that it serves; then the old one accepts no more and
// ends when its connections have ended.

namespace holdfast::server {

// The file to start again later: `argv0` if that is a path, because a link may point elsewhere by
// then; otherwise the file that runs now.
std::string ProgramPath(std::string_view argv0);

// The old process's side: starts the new one and waits for its word.
//
// Main thread. Destruction before the new process has given its word tells it to end (SIGTERM).
// The callbacks may destroy it through EventLoop::DestroyLater.
class Upgrade final : private pool::EventHandler {
 public:
  static constexpr pool::Duration kReadyTimeout = std::chrono::seconds(60);

  // One of the two is called, once, from the loop: the process is ready, or it has ended or was
  // killed, and why.
  struct Callbacks {
    std::function<void()> on_ready;
    std::function<void(const std::string& reason)> on_failed;
  };

  Upgrade(pool::EventLoop* loop, Callbacks callbacks);
  ~Upgrade();

  // Starts `command` (a path and its arguments) with this process's environment and standard
  // streams. Call once.
  absl::Status Start(const std::vector<std::string>& command, const Legacy& legacy);
  // The id of the process that is starting; -1 before and afterwards.
  pid_t pid() const { return pid_; }

 private:
  void OnEvents(uint32_t events) override;
  void OnTimeout(pool::TimePoint now);
  // Ends the process if it has not ended, and waits for it.
  void Fail(std::string_view what);
  void StopListening();

  pool::EventLoop* loop_;
  Callbacks callbacks_;
  pid_t pid_ = -1;
  pool::FileDescriptor ready_;  // registered while pid_ is valid
  pool::MemberTimer<Upgrade, &Upgrade::OnTimeout> timeout_{this};
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_UPGRADE_H_
