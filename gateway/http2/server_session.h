#ifndef HOLDFAST_GATEWAY_HTTP2_SERVER_SESSION_H_
#define HOLDFAST_GATEWAY_HTTP2_SERVER_SESSION_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "gateway/http/serializer.h"
#include "gateway/http2/priority.h"
#include "gateway/http2/server_stream.h"
#include "gateway/http2/session.h"
#include "pool/net/buffer.h"
#include "pool/net/free_list.h"

namespace holdfast::http2 {

// What the server sessions of one worker share. Outlives them; loop thread.
class ServerMeans {
 public:
  // Of those, the most there may be; beyond that a session holds no more than one head's worth.
  static constexpr size_t kMaxHeadsBytes = 64 * 1024 * 1024;

  // The Date field's value; empty: none is written.
  virtual std::string_view Date() = 0;

  pool::FreeList<ServerStream>& streams() { return streams_; }
  // Bytes of heads and trailers that the streams of all sessions hold.
  size_t heads_bytes = 0;

 protected:
  ~ServerMeans() = default;

 private:
  pool::FreeList<ServerStream> streams_;
};

// A client's HTTP/2 connection. NextServerStream gives streams whose request has come or on which
// something can be done; each is used until its Finish. See Session.
class ServerSession final : public Session {
 public:
  ServerSession(pool::EventLoop* loop, pool::SlabPool* slabs, pool::Connection* connection,
                SessionOwner* owner, const Limits& limits, ServerMeans* means);
  ~ServerSession() override { Lose(); }  // while streams find what they need of it

  ServerStream* NextServerStream() { return static_cast<ServerStream*>(NextReady()); }

 private:
  friend class ServerStream;

  Stream* OnNewStream(int32_t id) override;
  void OnGoAway(int32_t, uint32_t) override {}
  void OnPriorityUpdate(int32_t id) override;
  void OnUnwelcome() override {
    if (!end_announced()) AnnounceEnd();
  }

  std::string_view Date() { return means_->Date(); }
  // Good until the next call.
  std::span<const nghttp2_nv> Serialize(const http::ResponseHead& head,
                                        const http::ResponseFraming& framing,
                                        std::string_view via_name);
  // Among the responses of this connection, unless an update came before the request: that is the
  // latest word (RFC 9218 section 7).
  void Prioritise(int32_t id, Priority priority);
  // So much is held of a stream's fields from now on. False: it is too much, and the stream is
  // reset with `code`.
  bool Hold(int32_t id, size_t bytes, uint32_t code);
  void LetGo(size_t bytes);
  // Of what was serialized last.
  size_t head_size() const { return head_size_; }
  void GiveBack(ServerStream& stream) { means_->streams().Give(loop(), &stream); }

  // Further updates before their requests push out the oldest.
  static constexpr size_t kMaxEarlyUpdates = 16;

  ServerMeans* means_;
  std::vector<int32_t> updated_early_;  // streams that are still to come
  size_t head_size_ = 0;
  size_t heads_bytes_ = 0;
};

}  // namespace holdfast::http2

#endif  // HOLDFAST_GATEWAY_HTTP2_SERVER_SESSION_H_
