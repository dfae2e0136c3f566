#ifndef HOLDFAST_GATEWAY_SERVER_TICKET_KEEPER_H_
#define HOLDFAST_GATEWAY_SERVER_TICKET_KEEPER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/tls/tls_contexts.h"
#include "pool/net/clock.h"
#include "pool/net/event_loop.h"
#include "pool/net/timer_wheel.h"
#include "pool/tls/ticket_keys.h"
#include "pool/tls/tls_settings.h"

namespace holdfast::server {

// The keys that seal TLS session tickets, one set for all workers, so that a client may resume its
// session at any of them. They change every so often: what one key has sealed is not to be read for
// ever once that key is stolen. Those that are derived of a secret change by the calendar, so that
// all who have it change them together; those that are made up live in memory only, and go from a
// process to the one that takes its place.
//
// Main thread; the loop outlives it. The keys themselves are for any thread.
class TicketKeeper {
 public:
  // From the loop, whenever keys have changed by themselves; all of them.
  using OnRotated = std::function<void(const tls::TicketKeySets& keys)>;

  TicketKeeper(pool::EventLoop* loop, OnRotated on_rotated);
  TicketKeeper(const TicketKeeper&) = delete;
  TicketKeeper& operator=(const TicketKeeper&) = delete;

  // What the process before this one says; before the first Adopt. A text that can't be read is
  // nothing.
  void Inherit(std::string_view text);
  // The listeners that give tickets, by name, instead of those before. Those whose settings stay
  // keep their keys. Aborts if the system has no random bytes.
  void Adopt(const std::map<std::string, pool::TlsTickets>& listeners);

  const tls::TicketKeySets& current() const { return keys_; }
  // The keys that are made up, for the next process: secret.
  std::string Serialize() const;

 private:
  struct Listener {
    pool::TlsTickets settings;
    pool::TimePoint changes_at;
  };
  struct Inherited {
    pool::TicketKeys keys;
    pool::Duration left;  // until they change
  };

  Listener Begin(const std::string& name, const pool::TlsTickets& settings);
  void Derive(const std::string& name, Listener* listener);
  void OnTimer(pool::TimePoint now);
  void ArmTimer();

  pool::EventLoop* loop_;
  OnRotated on_rotated_;
  std::map<std::string, Listener> listeners_;
  tls::TicketKeySets keys_;  // of the same listeners
  std::map<std::string, Inherited> inherited_;
  pool::MemberTimer<TicketKeeper, &TicketKeeper::OnTimer> timer_{this};
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_TICKET_KEEPER_H_
