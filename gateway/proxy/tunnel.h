#ifndef HOLDFAST_GATEWAY_PROXY_TUNNEL_H_
#define HOLDFAST_GATEWAY_PROXY_TUNNEL_H_

#include <cstdint>

#include "gateway/stream/stream.h"

namespace holdfast::proxy {

// Moves bytes both ways between two streams that have switched protocols (RFC 9110 section 7.8).
// One side's end is passed on once what came before it is written; the other direction goes on
// until it ends, too. Holds at most the high watermark, and one read, per direction.
//
// Loop thread; a value inside the exchange, which outlives neither stream.
class Tunnel {
 public:
  // Reads and writes per direction and turn.
  static constexpr int kMaxRounds = 16;

  enum class State : uint8_t {
    kOpen,    // all that could be done now is done
    kMore,    // this turn's share is used up: call again in the next
    kClosed,  // both directions have ended, or one side failed
  };

  // `*moved` is set when any byte was read or written.
  State Pump(stream::ServerStream& client, stream::UpstreamStream& upstream, bool* moved);

 private:
  enum class Step : uint8_t { kBlocked, kMore, kEnded, kFailed };
  static Step PumpOneWay(stream::ByteSource& from, stream::ByteSink& to, bool* moved);
  static Step Continue(bool ended, stream::ByteSource& from, stream::ByteSink& to, bool* moved);

  bool client_ended_ = false;  // its end was passed on
  bool upstream_ended_ = false;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_TUNNEL_H_
