#include "gateway/proxy/tunnel.h"

#include "gateway/proxy/stream.h"

namespace holdfast::proxy {

using pool::Connection;
using pool::FillStatus;
using pool::FlushStatus;

namespace {

enum class Step : uint8_t { kBlocked, kMore, kEnded, kFailed };

// Reads until `to` is congested or `from` has no more.
FillStatus Read(Connection& from, Connection& to) {
  FillStatus status = FillStatus::kRead;
  while (status == FillStatus::kRead && to.out().size() < kHighWatermark) {
    if (from.in().empty()) status = from.Fill(kHighWatermark);
    to.out().MoveFrom(from.in(), from.in().size());
  }
  return status;
}

Step PumpOneWay(Connection& from, Connection& to) {
  for (int round = 0; round < Tunnel::kMaxRounds; ++round) {
    const FillStatus read = Read(from, to);
    const FlushStatus flush = to.Flush();
    if (read == FillStatus::kError || flush == FlushStatus::kError) return Step::kFailed;
    if (flush == FlushStatus::kBlocked) return Step::kBlocked;
    if (read == FillStatus::kEndOfStream) {
      to.Shutdown();
      return Step::kEnded;
    }
    if (read == FillStatus::kWouldBlock) return Step::kBlocked;
  }
  return Step::kMore;
}

// A side whose end was passed on is not read any more, so only its socket tells that it is gone
// altogether.
Step AfterEnd(const Connection& from) { return from.gone() ? Step::kFailed : Step::kEnded; }

}  // namespace

Tunnel::State Tunnel::Pump(Connection& client, Connection& upstream, bool* moved) {
  const auto bytes = [&] {
    return client.bytes_read() + client.bytes_written() + upstream.bytes_read() +
           upstream.bytes_written();
  };
  const uint64_t before = bytes();
  const Step up = client_ended_ ? AfterEnd(client) : PumpOneWay(client, upstream);
  const Step down = upstream_ended_ ? AfterEnd(upstream) : PumpOneWay(upstream, client);
  *moved = bytes() != before;
  client_ended_ = up == Step::kEnded;
  upstream_ended_ = down == Step::kEnded;
  if (up == Step::kFailed || down == Step::kFailed) return State::kClosed;
  if (client_ended_ && upstream_ended_) return State::kClosed;
  return up == Step::kMore || down == Step::kMore ? State::kMore : State::kOpen;
}

}  // namespace holdfast::proxy
