#ifndef HOLDFAST_GATEWAY_HTTP1_CLIENT_STREAM_H_
#define HOLDFAST_GATEWAY_HTTP1_CLIENT_STREAM_H_

#include <cstdint>
#include <string_view>

#include "gateway/http/keep_alive_field.h"
#include "gateway/http/parser.h"
#include "gateway/http1/body_reader.h"
#include "gateway/http1/body_writer.h"
#include "gateway/stream/stream.h"
#include "pool/net/connection.h"
#include "pool/reuse.h"

namespace holdfast::http1 {

// One request and its response on a connection to an HTTP/1.1 server, as the client. Knows nothing
// of routes, pools or retries. Used again and again; holds a connection between Start and Finish.
// Loop thread; the connection outlives the stream's use of it.
class ClientStream final : public stream::UpstreamStream, private pool::ConnectionEvents {
 public:
  explicit ClientStream(pool::SlabPool* slabs) : body_(slabs, http::ChunkSender::kUpstream) {}

  // The connection is established and quiet; `events` hears of its readiness from now on. `limits`
  // are for the heads of the response.
  void Start(pool::Connection* connection, http::Method method, stream::StreamEvents* events,
             const http::HeadLimits& limits = {});
  bool active() const { return connection_ != nullptr; }

  // A whole request without a body, as its bytes: instead of SendHead and SendEnd.
  void SendRequest(std::string_view bytes);

  void SendHead(const http::RequestHead& head, const http::ForwardedFacts& facts) override;
  void SendBody(pool::Buffer& from, size_t bytes) override;
  void SendEnd(const http::HeaderList* trailers) override;
  pool::FlushStatus Flush() override;
  bool Congested() override;
  uint64_t bytes_sent() const override;
  stream::HeadStep NextHead(http::ResponseHead* head) override;
  stream::BodyStep NextBody() override;
  http::HeaderList* response_trailers() override { return body_.trailers(); }
  void Switch() override;
  bool gone() const override { return connection_->gone(); }
  bool response_begun() const override;
  // What proves that a request was not processed: the peer sent its end, and then answered the
  // request with a reset without having acknowledged any of it (RFC 9293 section 3.4). The end
  // alone does not: a peer that has only shut down its sending side still reads; kPending says to
  // wait for the reset. A reset alone does not: a server that reads and then resets leaves the same
  // trace as one that never read. Nor does silence: the request may be in a receive queue whose
  // acknowledgement is delayed or was lost. One trace cannot be told from the proof: a peer that
  // half-closes, reads the request that crosses with it, and resets the connection before its
  // delayed acknowledgement goes out. It could not have answered any more.
  stream::Evidence evidence() const override;
  pool::ReuseFacts Finish() override;

 private:
  // All that belongs to one request.
  struct Run {
    http::Method method = http::Method::kGet;
    http::HeadLimits limits;
    BodyWriter writer;
    bool request_finished = false;
    bool response_started = false;  // the final head has been read
    bool response_allows_reuse = false;
    bool until_close = false;  // the response's body ends with the connection
    bool broken = false;
    bool authenticated = false;  // the connection, or it may be
    bool stray_forbidden = false;
    bool stray_possible = false;
    stream::UpstreamTrouble trouble = stream::UpstreamTrouble::kNone;
    http::KeepAliveField keep_alive;  // of the final head
    size_t pending_head = 0;          // bytes of in() that the last head's views point into
    uint64_t read_before = 0;
    uint64_t written_before = 0;
    uint64_t wire_written_before = 0;
  };

  void OnConnectionReady() override { events_->OnStreamReady(); }
  stream::HeadStep ParseHead(size_t bytes, http::ResponseHead* head);
  stream::HeadStep Broken(stream::UpstreamTrouble trouble,
                          http::Refusal refusal = http::Refusal::kNone);
  // Takes the head last returned off the input; its views end here.
  void DropHead();

  pool::Connection* connection_ = nullptr;
  stream::StreamEvents* events_ = nullptr;
  BodyReader body_;
  http::HeadScanner scanner_;
  Run run_;
};

}  // namespace holdfast::http1

#endif  // HOLDFAST_GATEWAY_HTTP1_CLIENT_STREAM_H_
