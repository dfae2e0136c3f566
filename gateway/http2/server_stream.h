#ifndef HOLDFAST_GATEWAY_HTTP2_SERVER_STREAM_H_
#define HOLDFAST_GATEWAY_HTTP2_SERVER_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gateway/http/framing.h"
#include "gateway/http/message.h"
#include "gateway/http2/head_text.h"
#include "gateway/http2/stream.h"
#include "gateway/stream/stream.h"

namespace holdfast::http2 {

class ServerSession;

// One request and its response on a client's HTTP/2 connection. Knows nothing of routes or timers.
// Used again and again: begun by its session, ended by Finish; what of the response is not framed
// by then still goes. Loop thread.
class ServerStream final : public stream::ServerStream, public Stream {
 public:
  explicit ServerStream(pool::SlabPool* slabs) : Stream(slabs) {}

  // The request's head has come since the stream was last looked at: once.
  bool TakeBegin();
  // Why the head is refused; kNone: it is not.
  http::Refusal refusal() const { return refusal_; }
  // Whatever uses the stream, for the session's owner to find it.
  void* user() const { return user_; }
  void set_user(void* user) { user_ = user; }
  // The exchange is over. `complete`: the response was given to its end.
  void Finish(bool complete);

  http::RequestHead& request() override { return request_; }
  http::HeaderList* request_trailers() override { return &trailers_; }
  void LookForMore() override {}
  bool peer_ended() const override { return false; }
  // What a client sends ahead of the answer to its extended CONNECT waits until that is a switch.
  stream::BodyStep NextBody() override {
    return awaits_switch_ ? stream::BodyStep{.kind = stream::BodyStep::Kind::kEnd} : Next();
  }
  bool gone() const override { return lost(); }
  void SendInformational(const http::ResponseHead& head, std::string_view via_name) override;
  void SendHead(const http::ResponseHead& head, const stream::HeadFacts& facts) override;
  // RFC 8441 section 5: the answer that HTTP/1 gives with 101 is 200.
  void Switch(const http::ResponseHead& head, std::string_view via_name) override;
  void SendBody(pool::Buffer& from, size_t bytes) override { Send(from, bytes); }
  void SendBody(std::string_view bytes) override { Send(bytes); }
  void SendEnd(const http::HeaderList* trailers) override { End(trailers); }
  pool::FlushStatus Flush() override { return FlushSoon(); }
  bool Congested() override { return IsCongested(); }
  // The rest of a body that was not waited for is stopped instead.
  bool persists() const override { return false; }
  uint64_t bytes_sent() const override { return sent(); }
  uint64_t bytes_received() const override { return head_bytes_ + received(); }
  uint64_t given_head_bytes() const override { return heads(); }

 private:
  friend class ServerSession;

  void Start(ServerSession* session, int32_t id);
  bool Hold(size_t bytes, uint32_t code);
  void OnFieldsBegin() override;
  void OnField(const ReceivedField& field) override;
  bool OnFieldsEnd(bool ends) override;
  bool MayHaveBody() const override { return head_read_; }
  void OnForgotten() override;

  ServerSession* server_ = nullptr;
  void* user_ = nullptr;
  http::RequestHead request_;
  http::HeaderList trailers_;
  HeadText head_text_;     // what request_ points into
  HeadText trailer_text_;  // what trailers_ points into
  size_t head_bytes_ = 0;
  size_t held_bytes_ = 0;  // of both texts, as the session knows
  http::Refusal refusal_ = http::Refusal::kNone;
  bool head_read_ = false;
  bool begin_taken_ = false;
  bool awaits_switch_ = false;
  bool switched_ = false;
};

}  // namespace holdfast::http2

#endif  // HOLDFAST_GATEWAY_HTTP2_SERVER_STREAM_H_
