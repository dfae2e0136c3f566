#ifndef HOLDFAST_GATEWAY_PROXY_STREAM_H_
#define HOLDFAST_GATEWAY_PROXY_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gateway/http/framing.h"
#include "gateway/http/message.h"
#include "gateway/http/serializer.h"
#include "pool/net/buffer.h"
#include "pool/net/connection.h"

namespace holdfast::proxy {

// The seam between an exchange and the protocol on either side: one request and its response, with
// no word of how they are framed. HTTP/1 is the first implementation of both.
//
// Both are pulled: whoever owns the exchange is told that something can be done (Exchange::
// Progress) and then takes head, body and end in steps. A step that says kBlocked will be followed
// by another Progress.

inline constexpr size_t kHighWatermark = 64 * 1024;
inline constexpr size_t kLowWatermark = 32 * 1024;

// The next part of a message's body.
struct BodyStep {
  enum class Kind : uint8_t {
    kData,     // the first `bytes` of `buffer` are body; take them out before the next step
    kBlocked,  // nothing now
    kEnd,      // the message is complete, its trailers are there
    kBroken,   // it will never be: `refusal` says why, kNone when the connection ended or failed
  };
  Kind kind = Kind::kBlocked;
  pool::Buffer* buffer = nullptr;
  size_t bytes = 0;
  http::Refusal refusal = http::Refusal::kNone;
};

// What a response's head does not say about itself.
struct HeadFacts {
  bool generated = false;   // by the gateway itself: no Via
  bool unfinished = false;  // the request's body will not be read to its end
};

// The client's side of one exchange. Loop thread; outlives the exchange or tells it through
// Exchange::OnClientGone.
class ClientStream {
 public:
  virtual BodyStep NextBody() = 0;
  // After BodyStep::kEnd.
  virtual http::HeaderList* request_trailers() = 0;

  // An interim response (1xx); ignored for clients that know none.
  virtual void SendInformational(const http::ResponseHead& head) = 0;
  // The final head; `head.body` says what body follows.
  virtual void SendHead(const http::ResponseHead& head, const HeadFacts& facts) = 0;
  // Takes the first `bytes` of `from`.
  virtual void SendBody(pool::Buffer& from, size_t bytes) = 0;
  virtual void SendBody(std::string_view bytes) = 0;
  virtual void SendEnd(const http::HeaderList* trailers) = 0;
  virtual pool::FlushStatus Flush() = 0;
  // More is waiting to be written than the high watermark; false again below the low one.
  virtual bool Congested() = 0;
  // After SendHead: the connection is meant for another request, so that the rest of this one's
  // body is worth reading.
  virtual bool persists() const = 0;
  // Bytes that went to and came from the client for this exchange, heads included.
  virtual uint64_t bytes_sent() const = 0;
  virtual uint64_t bytes_received() const = 0;

  // The response switched protocols: the exchange moves raw bytes from here on.
  virtual pool::Connection& raw() = 0;

  // The exchange is over and will not be heard of again. `complete`: the response was written to
  // its end; otherwise the client must be able to tell that it was not.
  virtual void OnExchangeDone(bool complete) = 0;

 protected:
  ~ClientStream() = default;
};

// Why no response head could be had.
enum class UpstreamTrouble : uint8_t { kNone, kClosed, kReset, kBadResponse };

struct HeadStep {
  enum class Kind : uint8_t { kHead, kBlocked, kBroken };
  Kind kind = Kind::kBlocked;
  UpstreamTrouble trouble = UpstreamTrouble::kNone;
  http::Refusal refusal = http::Refusal::kNone;  // with kBadResponse
  size_t bytes = 0;                              // of the head, with kHead
};

// The upstream's side of one exchange, over a leased connection.
class UpstreamStream {
 public:
  virtual void SendHead(const http::RequestHead& head, const http::ForwardedFacts& facts) = 0;
  virtual void SendBody(pool::Buffer& from, size_t bytes) = 0;
  virtual void SendEnd(const http::HeaderList* trailers) = 0;
  virtual pool::FlushStatus Flush() = 0;
  virtual bool Congested() = 0;

  // The next head, interim or final. Its views stay good until the next call of NextHead or the
  // stream's end.
  virtual HeadStep NextHead(http::ResponseHead* head) = 0;
  virtual BodyStep NextBody() = 0;
  virtual http::HeaderList* response_trailers() = 0;

  // Any byte of a response has arrived.
  virtual bool response_begun() const = 0;
  // Bytes of the request that have left this process.
  virtual uint64_t bytes_sent() const = 0;

  virtual pool::Connection& raw() = 0;

 protected:
  ~UpstreamStream() = default;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_STREAM_H_
