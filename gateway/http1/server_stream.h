#ifndef HOLDFAST_GATEWAY_HTTP1_SERVER_STREAM_H_
#define HOLDFAST_GATEWAY_HTTP1_SERVER_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gateway/http/framing.h"
#include "gateway/http/message.h"
#include "gateway/http/parser.h"
#include "gateway/http/persistence.h"
#include "gateway/http1/body_reader.h"
#include "gateway/http1/body_writer.h"
#include "gateway/stream/stream.h"
#include "pool/net/buffer.h"
#include "pool/net/connection.h"

namespace holdfast::http1 {

// What the owner of a client's connection knows that a response's head depends on. Asked whenever
// one is written. Loop thread; outlives the stream's use of it.
class ServerTerms {
 public:
  struct Terms {
    bool draining = false;      // no request is to follow
    bool leaving = false;       // nor is the rest of this one worth reading
    bool too_old = false;       // the connection
    bool last_request = false;  // it has served as many as it may
  };
  virtual Terms terms() const = 0;
  // The Date field's value; empty: none is written.
  virtual std::string_view Date() = 0;

 protected:
  ~ServerTerms() = default;
};

// One request and its response on an HTTP/1 client's connection, as the server: the head with its
// bytes, the body's framing both ways, and what the exchange means for the connection. Knows
// nothing of routes or timers. Used again and again; holds a connection between Start and Finish,
// and nothing at rest. Loop thread; the connection outlives the stream's use of it.
class ServerStream final : public stream::ServerStream {
 public:
  explicit ServerStream(pool::SlabPool* slabs) : head_bytes_(slabs), body_(slabs) {}

  // The request begins with the first byte of the connection's input.
  void Start(pool::Connection* connection, ServerTerms* terms);
  bool active() const { return connection_ != nullptr; }
  // Takes the first `bytes` of the input, a complete head, and parses it.
  http::Refusal TakeHead(size_t bytes, const http::HeadLimits& limits);
  // Instead: takes all of the input, which is no head or not a whole one.
  void TakeUnread();
  // The exchange is over. Whether and why not the connection can be kept: after a whole response.
  http::ClientPersistence Finish();

  // All of the request has been read, or there is nothing of it to be read.
  bool request_finished() const { return body_.finished(); }
  bool switched() const { return run_.writer.switched(); }

  http::RequestHead& request() override { return request_; }
  http::HeaderList* request_trailers() override { return body_.trailers(); }
  void LookForMore() override { connection_->LookForMore(); }
  bool peer_ended() const override;
  stream::BodyStep NextBody() override { return body_.Next(*connection_); }
  bool gone() const override { return connection_->gone(); }
  void SendInformational(const http::ResponseHead& head, std::string_view via_name) override;
  void SendHead(const http::ResponseHead& head, const stream::HeadFacts& facts) override;
  void Switch(const http::ResponseHead& head, std::string_view via_name) override;
  void SendBody(pool::Buffer& from, size_t bytes) override;
  void SendBody(std::string_view bytes) override { connection_->out().Append(bytes); }
  void SendEnd(const http::HeaderList* trailers) override;
  pool::FlushStatus Flush() override;
  bool Congested() override;
  bool persists() const override;
  uint64_t bytes_sent() const override;
  uint64_t bytes_received() const override;
  uint64_t given_head_bytes() const override { return run_.heads_end - run_.sent_before; }

 private:
  // All that belongs to one request.
  struct Run {
    http::ClientPersistence persistence = http::ClientPersistence::kKeep;
    BodyWriter writer;
    uint64_t received_before = 0;  // of the connection's bytes, those before this request
    uint64_t sent_before = 0;
    uint64_t heads_end = 0;  // of the connection's bytes, those before the body
  };

  http::ClientPersistence DecidePersistence(bool until_close, bool refused,
                                            const stream::HeadFacts& facts) const;

  pool::Connection* connection_ = nullptr;
  ServerTerms* terms_ = nullptr;
  http::RequestHead request_;
  pool::Buffer head_bytes_;  // what request_ points into
  BodyReader body_;
  Run run_;
};

}  // namespace holdfast::http1

#endif  // HOLDFAST_GATEWAY_HTTP1_SERVER_STREAM_H_
