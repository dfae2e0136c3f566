#include "gateway/server/ticket_keeper.h"

#include <optional>
#include <utility>

#include "pool/net/check.h"

namespace holdfast::server {
namespace {

std::shared_ptr<const pool::TicketKeys> Shared(const std::optional<pool::TicketKeys>& keys) {
  HOLDFAST_CHECK(keys.has_value());
  return std::make_shared<const pool::TicketKeys>(*keys);
}

}  // namespace

TicketKeeper::TicketKeeper(pool::EventLoop* loop, OnRotated on_rotated)
    : loop_(loop), on_rotated_(std::move(on_rotated)), keys_(Shared(pool::TicketKeys::Fresh())) {
  loop_->timers().Arm(timer_, loop_->now() + kRotateEvery);
}

void TicketKeeper::OnTimer(pool::TimePoint now) {
  keys_ = Shared(keys_->Rotated());
  loop_->timers().Arm(timer_, now + kRotateEvery);
  on_rotated_(keys_);
}

}  // namespace holdfast::server
