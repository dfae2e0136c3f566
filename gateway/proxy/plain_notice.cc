#include "gateway/proxy/plain_notice.h"

#include <memory>
#include <utility>

namespace holdfast::proxy {

using pool::Connection;
using pool::FillStatus;

bool PlainNotice::TakeOver(Session& intake, pool::FileDescriptor socket, std::string_view notice) {
  if (!socket.valid()) return false;
  auto made = std::unique_ptr<PlainNotice>(new PlainNotice(intake.listener(), std::move(socket)));
  if (made->connection_.Open(pool::Precedence::kInTurn) != 0) return false;
  PlainNotice* const self = made.release();  // The worker's list holds it until its end.
  self->Replace(intake);
  // At a cap it gives way as a client does that asks for nothing.
  self->listener()->OnSessionIdle(*self);
  self->context()->loop->timers().Arm(self->timer_, self->began_at_ + kPatience);
  self->Tell(notice);
  return true;
}

PlainNotice::PlainNotice(Listener* listener, pool::FileDescriptor socket)
    : Session(listener),
      connection_(context()->loop, context()->slabs, std::move(socket), this,
                  Connection::Stage::kEstablished),
      began_at_(context()->loop->now()) {}

// It fits into any socket's room.
void PlainNotice::Tell(std::string_view notice) {
  connection_.out().Append(notice);
  if (connection_.Flush() != pool::FlushStatus::kDone) return Close(SessionEnd::kTlsFailed);
  connection_.Shutdown();
  connection_.LookForMore();
  HearOut();
}

void PlainNotice::HearOut() {
  for (int round = 0; round < kRounds; ++round) {
    connection_.in().Clear();
    if (!connection_.readable()) return;
    const FillStatus status = connection_.Fill(Connection::kMaxReadBytes);
    if (status == FillStatus::kWouldBlock) return;
    if (status != FillStatus::kRead) return Close(SessionEnd::kTlsFailed);
  }
  // It sends faster than a turn may read; the timer looks again.
  connection_.in().Clear();
  context()->loop->timers().Arm(timer_, context()->loop->now());
}

void PlainNotice::OnTimer(pool::TimePoint now) {
  if (now >= began_at_ + kPatience) return Close(SessionEnd::kTlsFailed);
  context()->loop->timers().Arm(timer_, began_at_ + kPatience);
  HearOut();
}

bool PlainNotice::GiveWay() {
  Close(SessionEnd::kIdleEvicted);
  return true;
}

bool PlainNotice::Cut() {
  Close(SessionEnd::kTlsFailed);
  return false;
}

void PlainNotice::Close(SessionEnd reason) {
  connection_.Close();
  Delist(SessionEndName(reason));
  context()->loop->timers().Cancel(timer_);
  context()->loop->DestroyLater(std::unique_ptr<PlainNotice>(this));
}

}  // namespace holdfast::proxy
