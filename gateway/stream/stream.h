#ifndef HOLDFAST_GATEWAY_STREAM_STREAM_H_
#define HOLDFAST_GATEWAY_STREAM_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gateway/http/framing.h"
#include "gateway/http/message.h"
#include "gateway/http/serializer.h"
#include "pool/net/buffer.h"
#include "pool/net/connection.h"
#include "pool/reuse.h"

namespace holdfast::stream {

// The seam between an exchange and the protocol on either side: one request and its response, with
// no word of how they are framed or multiplexed. HTTP/1 is the first implementation of both.
//
// Both are pulled: whoever owns the exchange is told that something can be done and then takes
// head, body and end in steps. A step that says kBlocked will be followed by another call. All of
// it belongs to one loop's thread.

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
  bool generated = false;     // by the gateway itself: no Via
  bool unfinished = false;    // the request's body will not be read to its end
  bool refused = false;       // the request could not be read: nothing after it can be
  std::string_view via_name;  // what the gateway calls itself in Via
};

// What moves bytes of one direction, whether they are a body or, after Switch, another protocol's.
class ByteSource {
 public:
  virtual BodyStep NextBody() = 0;
  // The peer takes nothing and sends nothing any more.
  virtual bool gone() const = 0;

 protected:
  ~ByteSource() = default;
};

// The other end of that: takes bytes of one direction, body or other protocol.
class ByteSink {
 public:
  // Takes the first `bytes` of `from`.
  virtual void SendBody(pool::Buffer& from, size_t bytes) = 0;
  // `trailers` may be null.
  virtual void SendEnd(const http::HeaderList* trailers) = 0;
  // It may only be noted, and be done at the end of the turn: whoever waits for progress compares
  // bytes_sent with what it was when it last looked.
  virtual pool::FlushStatus Flush() = 0;
  // More is waiting to be written than the high watermark; false again below the low one.
  virtual bool Congested() = 0;
  // Bytes that have left this process, heads included.
  virtual uint64_t bytes_sent() const = 0;

 protected:
  ~ByteSink() = default;
};

// The client's side of one exchange. It owns the request's head and outlives the exchange.
class ServerStream : public ByteSource, public ByteSink {
 public:
  // Good until the stream's end. The exchange takes out what does not go further.
  virtual http::RequestHead& request() = 0;
  // After BodyStep::kEnd.
  virtual http::HeaderList* request_trailers() = 0;
  // More of the request may be there than was told of: the next NextBody looks for it.
  virtual void LookForMore() = 0;
  // The client has sent its end, and all of the request before it was read.
  virtual bool peer_ended() const = 0;

  // An interim response (1xx); ignored for clients that know none.
  virtual void SendInformational(const http::ResponseHead& head, std::string_view via_name) = 0;
  // The final head; `head.body` says what body follows.
  virtual void SendHead(const http::ResponseHead& head, const HeadFacts& facts) = 0;
  // The response is that the protocol changes (RFC 9110 section 7.8): from here on bodies are bytes
  // of the new one, each way until its end.
  virtual void Switch(const http::ResponseHead& head, std::string_view via_name) = 0;
  using ByteSink::SendBody;
  virtual void SendBody(std::string_view bytes) = 0;

  // After SendHead: the connection is meant for another request, so that the rest of this one's
  // body is worth reading.
  virtual bool persists() const = 0;
  virtual uint64_t bytes_received() const = 0;
  // Of the heads that were given to it, whether or not all of them have left.
  virtual uint64_t given_head_bytes() const = 0;

 protected:
  ~ServerStream() = default;
};

// Why no response head could be had.
enum class UpstreamTrouble : uint8_t {
  kNone,
  kClosed,
  kReset,
  kBadResponse,
  kNoSwitch,  // it was to change the protocol, and its peer's has no way to
};

// What is known, after trouble, of whether the upstream has acted on the request.
enum class Evidence : uint8_t {
  kUnknown,      // and it will stay so
  kPending,      // a moment may tell
  kUnprocessed,  // it has not, and will not
  kProcessed,    // it has begun to answer
};

struct HeadStep {
  enum class Kind : uint8_t { kHead, kBlocked, kBroken };
  Kind kind = Kind::kBlocked;
  UpstreamTrouble trouble = UpstreamTrouble::kNone;
  http::Refusal refusal = http::Refusal::kNone;  // with kBadResponse
  size_t bytes = 0;                              // of the head, with kHead
};

// The upstream's side of one exchange.
class UpstreamStream : public ByteSource, public ByteSink {
 public:
  virtual void SendHead(const http::RequestHead& head, const http::ForwardedFacts& facts) = 0;

  // The next head, interim or final. Its views stay good until the next call of NextHead or
  // NextBody, or the stream's end.
  virtual HeadStep NextHead(http::ResponseHead* head) = 0;
  virtual http::HeaderList* response_trailers() = 0;
  // The last head has changed the protocol, as ServerStream::Switch.
  virtual void Switch() = 0;

  // Any byte of a response has arrived. Costs nothing; Evidence may cost a system call.
  virtual bool response_begun() const = 0;
  virtual Evidence evidence() const = 0;

  // The exchange is done with it. What the pool is to know before it uses the connection again.
  virtual pool::ReuseFacts Finish() = 0;

 protected:
  ~UpstreamStream() = default;
};

// Hears that something can be done with a stream. May end the stream.
class StreamEvents {
 public:
  virtual void OnStreamReady() = 0;

 protected:
  ~StreamEvents() = default;
};

}  // namespace holdfast::stream

#endif  // HOLDFAST_GATEWAY_STREAM_STREAM_H_
