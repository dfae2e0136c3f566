#ifndef HOLDFAST_GATEWAY_HTTP2_CLIENT_SESSION_H_
#define HOLDFAST_GATEWAY_HTTP2_CLIENT_SESSION_H_

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "gateway/http/message.h"
#include "gateway/http2/client_stream.h"
#include "gateway/http2/session.h"
#include "gateway/stream/stream.h"
#include "pool/connection_protocol.h"
#include "pool/net/connection.h"
#include "pool/net/event_loop.h"
#include "pool/net/free_list.h"
#include "pool/reasons.h"

namespace holdfast::http2 {

// One upstream connection's HTTP/2: the requests of many clients, each a stream and a lease of the
// connection. Preface, settings and the first requests leave in one segment, before the peer has
// said how many it takes.
//
// Loop thread. Owned by the pool's connection, which outlives it; no stream is in use when it is
// destroyed (asserted).
class ClientSession final : public Session,
                            public pool::ConnectionProtocol,
                            private pool::ConnectionEvents,
                            private SessionOwner {
 public:
  // What a peer takes at a time until it says so itself (RFC 9113 section 6.5.2 recommends no less
  // for a limit).
  static constexpr uint32_t kAssumedStreams = 100;
  // How long a peer that owes an answer may be silent, or up to twice as long, before it is asked
  // (PING) whether it is still there, and how long it may take to say so. Servers of gRPC end
  // connections on which they are asked more than every five minutes while they have nothing to
  // say.
  static constexpr pool::Duration kSilence = std::chrono::seconds(30);
  static constexpr pool::Duration kFurtherSilence = std::chrono::seconds(310);
  static constexpr pool::Duration kPatience = std::chrono::seconds(15);

  // `resting`: where streams are when nobody uses them; outlives it.
  ClientSession(pool::EventLoop* loop, pool::SlabPool* slabs, pool::Connection* connection,
                const Limits& limits, pool::FreeList<ClientStream>* resting);
  ~ClientSession() override { Lose(); }  // while streams find what they need of it

  // A new request; used until its Finish. Needs no lease of its own to be told: the pool's is for
  // whoever asks.
  ClientStream* Open(http::Method method, stream::StreamEvents* events);
  // By its connection.
  std::string_view scheme() { return connection().transport().encrypted() ? "https" : "http"; }
  // The peer takes extended CONNECTs, with greeted().
  bool KnowsTunnels() const;

  // pool::ConnectionProtocol
  uint32_t capacity() const override;
  pool::CloseReason end() const override;
  void Attach(pool::ProtocolEvents* events) override { events_ = events; }
  pool::CloseReason OnIdleReadable(pool::Connection& connection) override;
  void SayEnd() override;
  bool travels() const override { return false; }
  pool::ConnectionEvents* listener() override { return this; }

 private:
  friend class ClientStream;

  void OnConnectionReady() override;
  void OnSilence(pool::TimePoint now);
  void OnSessionNews() override { TellNews(); }
  Stream* OnNewStream(int32_t) override { return nullptr; }  // Nothing is to be pushed.
  void OnGoAway(int32_t last_stream, uint32_t code) override;
  void OnPriorityUpdate(int32_t) override {}
  void OnUnwelcome() override { going_away_ = true; }
  // The pool first, so that who tries again is not sent here.
  void TellNews();
  void Rest(ClientStream* stream) { resting_->Give(loop(), stream); }
  // It is submitted once the peer has greeted us; Release: it is not.
  void Hold(ClientStream* stream) { held_.push_back(stream); }
  void Release(ClientStream* stream) { std::erase(held_, stream); }
  void SubmitHeld();

  pool::FreeList<ClientStream>* resting_;
  pool::ProtocolEvents* events_ = nullptr;
  std::vector<ClientStream*> held_;
  uint64_t heard_ = 0;  // bytes of the peer's, when it was last looked
  bool asked_ = false;  // it was asked then
  pool::MemberTimer<ClientSession, &ClientSession::OnSilence> silence_timer_{this};
  bool going_away_ = false;
  uint32_t told_capacity_;
  pool::CloseReason told_end_ = pool::CloseReason::kNone;
};

}  // namespace holdfast::http2

#endif  // HOLDFAST_GATEWAY_HTTP2_CLIENT_SESSION_H_
