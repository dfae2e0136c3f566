#ifndef HOLDFAST_GATEWAY_SERVER_UPGRADE_H_
#define HOLDFAST_GATEWAY_SERVER_UPGRADE_H_

#include <sys/types.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "pool/net/event_loop.h"
#include "pool/net/socket.h"

// A new process takes the place of a running one (SIGUSR2), say because the program's file has been
// replaced. It is started as the old one was and inherits its listening sockets, so that clients
// that wait in their queues are served by whoever accepts first and the port is never closed. When
// it serves it says so through a pipe; then the old one accepts no more and ends when its
// connections have.

namespace holdfast::server {

// Sockets to hand over, as descriptors of this process, which stay its own.
struct Legacy {
  std::map<std::string, std::vector<int>> listeners;  // by ListenerKey
  int status = -1;                                    // -1: there is none
};

// What this process was given by the one whose place it takes.
struct Inheritance {
  static constexpr char kVariable[] = "HOLDFAST_INHERIT";

  std::map<std::string, std::vector<pool::FileDescriptor>> listeners;  // by ListenerKey
  pool::FileDescriptor status;
  // Of a pipe; -1: this process takes nobody's place. Only TellReady closes it: else its end is the
  // end of this process, which is what the old one takes it for.
  int ready = -1;

  bool empty() const { return ready < 0; }
  // The sockets of the listener with this key or, if it has another name now, this address. None if
  // there are none.
  std::vector<pool::FileDescriptor> TakeListener(const std::string& key,
                                                 const pool::SocketAddress& address);
  // Invalid unless it is bound to `address`, of which port 0 is any.
  pool::FileDescriptor TakeStatus(const pool::SocketAddress& address);
  // Tells the process before this one that it may go.
  void TellReady();
};

// The value of kVariable, of words such as "ready:5 status:6 listener:edge%20%3A8080:7,8".
std::string FormatInheritance(const Legacy& legacy, int ready);
// Takes possession of the descriptors, which are made close-on-exec. An error, with all of them
// left alone, when they are not what they should be.
absl::StatusOr<Inheritance> ParseInheritance(std::string_view text);
// The same from the environment, where the variable is then removed; empty without it. To be called
// while there is one thread.
absl::StatusOr<Inheritance> TakeInheritance();

// The file to start again later: `argv0` if that is a path, so that a link may have been pointed
// elsewhere by then, else the file that runs now.
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
  // Of the process under way; -1 before and afterwards.
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
