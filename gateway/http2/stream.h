#ifndef HOLDFAST_GATEWAY_HTTP2_STREAM_H_
#define HOLDFAST_GATEWAY_HTTP2_STREAM_H_

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/http/header_list.h"
#include "gateway/http2/head_text.h"
#include "gateway/stream/stream.h"
#include "pool/net/buffer.h"
#include "pool/net/connection.h"
#include "pool/net/intrusive_list.h"

namespace holdfast::http2 {

class Session;
class Stream;

// In the list of all streams of a session; Stream's other base is for those that have news.
class StreamPlace : public pool::ListNode<StreamPlace> {
 public:
  virtual Stream* stream() = 0;

 protected:
  ~StreamPlace() = default;
};

// One stream of a session, either side: what came of its body and was not taken yet, and what is to
// be framed. Begun and ended by the session; whoever uses it in between pulls.
//
// One thread. Used again and again; at rest it holds a little memory and no slab. The session
// outlives its use.
class Stream : public pool::ListNode<Stream>, private StreamPlace {
 public:
  // The peer has sent all that it will, as a clean end.
  bool peer_ended() const { return end_received_; }
  // It was reset, or the connection has ended: nothing goes either way any more.
  bool lost() const { return lost_; }
  // With lost: the code of the reset (RFC 9113 section 7).
  uint32_t reset_code() const { return reset_code_; }

 protected:
  explicit Stream(pool::SlabPool* slabs) : in_(slabs), out_(slabs) {}
  ~Stream() = default;

  // A section of fields begins.
  virtual void OnFieldsBegin() = 0;
  virtual void OnField(const ReceivedField& field) = 0;
  // That section is complete; `ends`: so is the message. False: it breaks the rules, and the stream
  // is to be reset for it.
  virtual bool OnFieldsEnd(bool ends) = 0;
  // What comes is in its place.
  virtual bool MayHaveBody() const = 0;
  // Of a request of ours: its head is about to be framed; whether that has been.
  virtual void OnHeadFraming() {}
  virtual bool HeadFramed() const { return true; }
  // Nobody uses it any more and the session has forgotten it: goes to rest.
  virtual void OnForgotten() = 0;

  void Begin(Session* session, int32_t id);
  // Whoever used it is done. `complete`: all of our message was given; else it is reset with
  // `code`. The stream may be forgotten at once.
  void Release(bool complete, uint32_t code);

  // As ByteSource and ByteSink (gateway/stream/stream.h).
  stream::BodyStep Next();
  void Send(pool::Buffer& from, size_t bytes);
  void Send(std::string_view bytes);
  void End(const http::HeaderList* trailers);
  pool::FlushStatus FlushSoon();
  bool IsCongested();
  uint64_t sent() const { return given_ - (settled_ ? 0 : out_.size()); }
  uint64_t received() const { return received_; }
  // Our head is `bytes` long.
  void CountHead(size_t bytes) {
    given_ += bytes;
    heads_ += static_cast<uint32_t>(bytes);
  }
  uint64_t heads() const { return heads_; }

  Session* session() const { return session_; }
  int32_t id() const { return id_; }
  nghttp2_data_provider provider();
  bool ended() const { return ended_; }
  // And all of it has left for the connection.
  bool framed() const { return framed_; }
  // With lost: it was the peer who reset it.
  bool peer_reset() const { return peer_reset_; }
  // Our message is no more than its head.
  void SetEnded() { ended_ = true; }
  // The body that comes has to be so long (RFC 9113 section 8.1.1).
  void Expect(uint64_t bytes);
  // The peer's message breaks this rule: its body is broken, and the stream ends with a reset.
  void SetFault(http::Refusal fault) { fault_ = fault; }
  http::Refusal fault() const { return fault_; }
  size_t unread() const { return in_.size(); }
  void Clear();

 private:
  friend class Session;
  friend struct Callbacks;

  Stream* stream() override { return this; }
  static ssize_t OnRead(nghttp2_session*, int32_t, uint8_t*, size_t length, uint32_t* flags,
                        nghttp2_data_source* source, void*);
  ssize_t Read(size_t length, uint32_t* flags);
  // What was taken out of in_ since the last look makes room for more.
  void GiveWindow();
  void Resume();
  void DropUnframed();
  // More of the body has come, or its end.
  void CheckLength();

  Session* session_ = nullptr;
  int32_t id_ = 0;
  pool::Buffer in_;
  pool::Buffer out_;
  size_t in_known_ = 0;       // of in_, when it was last looked at
  uint64_t taken_ = 0;        // since its window was last looked at
  uint32_t window_more_ = 0;  // of its window, beyond what each has
  uint64_t received_ = 0;
  uint64_t expected_ = 0;
  uint64_t given_ = 0;
  uint32_t reset_code_ = 0;
  uint32_t heads_ = 0;    // of what was given
  std::string trailers_;  // as lines
  http::Refusal fault_ = http::Refusal::kNone;
  bool expects_ : 1 = false;
  bool end_received_ : 1 = false;
  bool lost_ : 1 = false;
  bool closed_ : 1 = false;    // the session's books know it no longer
  bool released_ : 1 = false;  // nobody uses it
  bool peer_reset_ : 1 = false;
  bool ended_ : 1 = false;     // our message was given to its end
  bool framed_ : 1 = false;    // and has been framed
  bool deferred_ : 1 = false;  // the session waits for more of our body
  bool congested_ : 1 = false;
  bool wants_room_ : 1 = false;  // whoever uses it waits for what was given to go
  bool settled_ : 1 = false;     // what was given is as good as sent
};

}  // namespace holdfast::http2

#endif  // HOLDFAST_GATEWAY_HTTP2_STREAM_H_
