#include "gateway/proxy/tunnel.h"

namespace holdfast::proxy {

using pool::FlushStatus;
using stream::BodyStep;
using stream::ByteSink;
using stream::ByteSource;

namespace {

// Reads until `to` is congested or `from` has no more.
BodyStep::Kind Read(ByteSource& from, ByteSink& to, bool* moved) {
  while (!to.Congested()) {
    const BodyStep step = from.NextBody();
    if (step.kind != BodyStep::Kind::kData) return step.kind;
    to.SendBody(*step.buffer, step.bytes);
    *moved = true;
  }
  return BodyStep::Kind::kData;
}

}  // namespace

Tunnel::Step Tunnel::PumpOneWay(ByteSource& from, ByteSink& to, bool* moved) {
  for (int round = 0; round < kMaxRounds; ++round) {
    const BodyStep::Kind read = Read(from, to, moved);
    const FlushStatus flush = to.Flush();
    if (read == BodyStep::Kind::kBroken || flush == FlushStatus::kError) return Step::kFailed;
    if (flush == FlushStatus::kBlocked) return Step::kBlocked;
    if (read == BodyStep::Kind::kEnd) {
      to.SendEnd(/*trailers=*/nullptr);
      to.Flush();
      return Step::kEnded;
    }
    if (read == BodyStep::Kind::kBlocked) return Step::kBlocked;
  }
  return Step::kMore;
}

// A side whose end was passed on is not read any more, so only gone() tells that it takes nothing
// either.
Tunnel::Step Tunnel::Continue(bool ended, ByteSource& from, ByteSink& to, bool* moved) {
  if (!ended) return PumpOneWay(from, to, moved);
  return from.gone() ? Step::kFailed : Step::kEnded;
}

Tunnel::State Tunnel::Pump(stream::ServerStream& client, stream::UpstreamStream& upstream,
                           bool* moved) {
  const uint64_t sent_before = client.bytes_sent() + upstream.bytes_sent();
  const Step up = Continue(client_ended_, client, upstream, moved);
  const Step down = Continue(upstream_ended_, upstream, client, moved);
  *moved |= client.bytes_sent() + upstream.bytes_sent() != sent_before;
  client_ended_ = up == Step::kEnded;
  upstream_ended_ = down == Step::kEnded;
  if (up == Step::kFailed || down == Step::kFailed) return State::kClosed;
  if (client_ended_ && upstream_ended_) return State::kClosed;
  return up == Step::kMore || down == Step::kMore ? State::kMore : State::kOpen;
}

}  // namespace holdfast::proxy
