#ifndef HOLDFAST_GATEWAY_SERVER_SIGNALS_H_
#define HOLDFAST_GATEWAY_SERVER_SIGNALS_H_

#include <functional>

#include "pool/net/event_loop.h"
#include "pool/net/socket.h"

namespace holdfast::server {

// Blocks the signals that Signals reads. The caller does so before it starts any thread, because
// threads inherit what is blocked.
void BlockSignals();

// Whether this process was started with the signal ignored, as nohup(1) does with SIGHUP. After
// BlockSignals, Signals gets the signal all the same.
bool IsIgnored(int signal);

// Turns the process's signals into events of the main loop (signalfd), after BlockSignals. Main
// thread. It owns its descriptor; `loop` outlives it.
class Signals final : private pool::EventHandler {
 public:
  // `on_signal` hears SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1 and SIGUSR2.
  Signals(pool::EventLoop* loop, std::function<void(int signal)> on_signal);
  ~Signals();

 private:
  void OnEvents(uint32_t events) override;

  pool::EventLoop* loop_;
  std::function<void(int)> on_signal_;
  pool::FileDescriptor fd_;
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_SIGNALS_H_
