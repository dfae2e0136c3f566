#ifndef HOLDFAST_GATEWAY_SERVER_TICKET_KEEPER_H_
#define HOLDFAST_GATEWAY_SERVER_TICKET_KEEPER_H_

#include <functional>
#include <memory>

#include "pool/net/clock.h"
#include "pool/net/event_loop.h"
#include "pool/net/timer_wheel.h"
#include "pool/tls/ticket_keys.h"

namespace holdfast::server {

// The keys that seal TLS session tickets, one set for all workers, so that a client may resume its
// session at any of them. They are made at the start, live in memory only, and change every so
// often: what one key has sealed is not to be read for ever once that key is stolen.
//
// Main thread; owned by the server. The loop outlives it. The keys themselves are for any thread.
class TicketKeeper {
 public:
  static constexpr pool::Duration kRotateEvery = std::chrono::hours(12);

  // From the loop, whenever the keys have changed.
  using OnRotated = std::function<void(std::shared_ptr<const pool::TicketKeys> keys)>;

  // Aborts if the system has no random bytes.
  TicketKeeper(pool::EventLoop* loop, OnRotated on_rotated);
  TicketKeeper(const TicketKeeper&) = delete;
  TicketKeeper& operator=(const TicketKeeper&) = delete;

  const std::shared_ptr<const pool::TicketKeys>& current() const { return keys_; }

 private:
  void OnTimer(pool::TimePoint now);

  pool::EventLoop* loop_;
  OnRotated on_rotated_;
  std::shared_ptr<const pool::TicketKeys> keys_;
  pool::MemberTimer<TicketKeeper, &TicketKeeper::OnTimer> timer_{this};
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_TICKET_KEEPER_H_
