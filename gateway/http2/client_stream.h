#ifndef HOLDFAST_GATEWAY_HTTP2_CLIENT_STREAM_H_
#define HOLDFAST_GATEWAY_HTTP2_CLIENT_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/http/framing.h"
#include "gateway/http/header_list.h"
#include "gateway/http/message.h"
#include "gateway/http/serializer.h"
#include "gateway/http2/head_text.h"
#include "gateway/http2/stream.h"
#include "gateway/stream/stream.h"
#include "pool/net/buffer.h"
#include "pool/reuse.h"

namespace holdfast::http2 {

class ClientSession;

// One request and its response on a connection to an HTTP/2 server, as the client. Knows nothing of
// routes, pools or retries. A request for an upgrade becomes an extended CONNECT, which waits until
// the peer has said that it knows those (RFC 8441 section 3). Used again and again: between
// ClientSession::Open and Finish; whoever is done with it while the response is not complete resets
// it, and nothing else on the connection notices. Loop thread.
class ClientStream final : public Stream, public stream::UpstreamStream {
 public:
  // Heads that have come and were not asked for yet; one that sends more interim responses than
  // that in one go is broken.
  static constexpr size_t kMaxWaitingHeads = 32;

  explicit ClientStream(pool::SlabPool* slabs) : Stream(slabs) {}
  ~ClientStream() = default;

  // A whole request, its head as HTTP/1 has it: instead of SendHead, SendBody and SendEnd.
  void SendRequest(std::string_view head, std::string_view body);

  void SendHead(const http::RequestHead& head, const http::ForwardedFacts& facts) override;
  void SendBody(pool::Buffer& from, size_t bytes) override;
  void SendEnd(const http::HeaderList* trailers) override;
  pool::FlushStatus Flush() override;
  bool Congested() override;
  // Nothing, as long as nothing of it can have left this process.
  uint64_t bytes_sent() const override;
  stream::HeadStep NextHead(http::ResponseHead* head) override;
  stream::BodyStep NextBody() override;
  http::HeaderList* response_trailers() override { return &trailers_; }
  void Switch() override;
  bool gone() const override { return unsent_ || (!held() && lost()); }
  bool response_begun() const override { return begun_; }
  // What proves that a request was not processed: the peer says so, of this stream (REFUSED_STREAM)
  // or of all that came after the last one it has seen to (GOAWAY, RFC 9113 sections 6.8 and 8.7);
  // or it never left.
  stream::Evidence evidence() const override;
  pool::ReuseFacts Finish() override;

 private:
  friend class ClientSession;
  struct Head {
    HeadText text;
    size_t bytes = 0;
    bool ends = false;
  };

  bool unable() const { return unable_; }
  // Begun, and not submitted yet.
  bool held() const { return !held_.empty(); }
  void Start(ClientSession* session, http::Method method, stream::StreamEvents* events);
  // The peer has greeted us, or never will.
  void SubmitHeld();
  void BecomeSwitch(http::ResponseHead* head);
  void Tell() {
    if (events_ != nullptr) events_->OnStreamReady();
  }
  void Submit(std::span<const nghttp2_nv> fields, size_t head_bytes, bool ends);
  bool Left() const;
  void DropHead();
  stream::HeadStep Broken(stream::UpstreamTrouble trouble,
                          http::Refusal refusal = http::Refusal::kNone);
  stream::HeadStep NoHead();

  void OnFieldsBegin() override;
  void OnField(const ReceivedField& field) override;
  bool OnFieldsEnd(bool ends) override;
  bool MayHaveBody() const override { return final_seen_; }
  void OnHeadFraming() override;
  bool HeadFramed() const override { return head_framed_; }
  void OnForgotten() override;

  ClientSession* owner_ = nullptr;
  stream::StreamEvents* events_ = nullptr;  // null: nobody uses it
  http::Method method_ = http::Method::kGet;
  uint64_t written_before_ = 0;  // of the connection, when its head was framed
  std::unique_ptr<Head> filling_;
  std::vector<std::unique_ptr<Head>> waiting_;
  std::unique_ptr<Head> current_;  // the one that was given out
  std::unique_ptr<Head> spare_;
  HeadText trailer_text_;
  http::HeaderList trailers_;
  http::Refusal refusal_ = http::Refusal::kNone;  // a rule that the response has broken
  bool unsent_ : 1 = false;                       // it could not be submitted at all
  bool head_framed_ : 1 = false;                  // it is among what the connection has to write
  bool begun_ : 1 = false;                        // something of the response has come
  bool interim_ : 1 = false;                      // the head that is coming
  bool final_seen_ : 1 = false;                   // the final head has come
  bool bodiless_ : 1 = false;                     // the final head is all of the response
  bool tunnel_ : 1 = false;                       // it asks for an upgrade
  bool switched_ : 1 = false;                     // and has got it
  bool unable_ : 1 = false;                       // the peer has no such thing
  std::string held_;                              // the head of one that waits
  std::vector<std::string> held_never_indexed_;   // names of its fields
  std::string protocol_;                          // with tunnel_
};

}  // namespace holdfast::http2

#endif  // HOLDFAST_GATEWAY_HTTP2_CLIENT_STREAM_H_
