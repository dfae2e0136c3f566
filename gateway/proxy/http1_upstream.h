#ifndef HOLDFAST_GATEWAY_PROXY_HTTP1_UPSTREAM_H_
#define HOLDFAST_GATEWAY_PROXY_HTTP1_UPSTREAM_H_

#include <cstdint>

#include "gateway/http/keep_alive_field.h"
#include "gateway/http/parser.h"
#include "gateway/proxy/body_reader.h"
#include "gateway/proxy/stream.h"
#include "pool/lease.h"

namespace holdfast::proxy {

// The upstream's side of an exchange over HTTP/1.1. Embedded in the exchange and used again and
// again; holds a lease between Start and End. Loop thread.
class Http1Upstream final : public UpstreamStream {
 public:
  explicit Http1Upstream(pool::SlabPool* slabs) : body_(slabs, http::ChunkSender::kUpstream) {}

  // Takes the lease; `events` hears of readiness from now on.
  void Start(pool::Lease lease, http::Method method, pool::ConnectionEvents* events);
  bool active() const { return lease_.held(); }
  const pool::Lease& lease() const { return lease_; }
  // Gives the connection back; it is kept only if the exchange went as HTTP asks, and only for the
  // owner of `tie` if it has authenticated anybody.
  pool::CloseReason End(pool::ConnectionTie* tie = nullptr);

  void SendHead(const http::RequestHead& head, const http::ForwardedFacts& facts) override;
  void SendBody(pool::Buffer& from, size_t bytes) override;
  void SendEnd(const http::HeaderList* trailers) override;
  pool::FlushStatus Flush() override { return lease_.connection().Flush(); }
  bool Congested() override;
  HeadStep NextHead(http::ResponseHead* head) override;
  BodyStep NextBody() override;
  http::HeaderList* response_trailers() override { return body_.trailers(); }
  bool response_begun() const override;
  uint64_t bytes_sent() const override;
  pool::Connection& raw() override;

 private:
  HeadStep ParseHead(size_t bytes, http::ResponseHead* head);
  HeadStep Broken(UpstreamTrouble trouble, http::Refusal refusal = http::Refusal::kNone);
  // False where a write has met the peer's reset, which reading then shows as an end.
  bool EndedInOrder() const;
  // Takes the head last returned off the input; its views end here.
  void DropHead();

  pool::Lease lease_;
  BodyReader body_;
  http::HeadScanner scanner_;
  http::Method method_ = http::Method::kGet;
  bool chunked_request_ = false;
  bool request_finished_ = false;
  bool response_started_ = false;  // the final head has been read
  bool response_allows_reuse_ = false;
  bool until_close_ = false;  // the response's body ends with the connection
  bool upgraded_ = false;
  bool broken_ = false;
  bool congested_ = false;
  bool authenticated_ = false;  // the connection, or it may be
  bool stray_forbidden_ = false;
  bool stray_possible_ = false;
  http::KeepAliveField keep_alive_;  // of the final head
  size_t pending_head_ = 0;          // bytes of in() that the last head's views point into
  uint64_t read_before_ = 0;
  uint64_t written_before_ = 0;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_HTTP1_UPSTREAM_H_
