#ifndef HOLDFAST_GATEWAY_HTTP1_BODY_READER_H_
#define HOLDFAST_GATEWAY_HTTP1_BODY_READER_H_

#include <cstdint>

#include "gateway/http/chunked_decoder.h"
#include "gateway/http/message.h"
#include "gateway/http/parser.h"
#include "gateway/stream/stream.h"
#include "pool/net/connection.h"

namespace holdfast::http1 {

// Reads one HTTP/1 message body from a connection, undoing its framing (RFC 9112 section 6). Never
// takes a byte beyond the body's end. One thread; lives as long as its side of the exchange.
class BodyReader {
 public:
  explicit BodyReader(pool::SlabPool* slabs, http::ChunkSender sender = http::ChunkSender::kClient)
      : decoder_(sender), trailer_bytes_(slabs) {}

  void Start(http::BodyKind kind, uint64_t content_length);
  // Reads from the socket when in() holds nothing that helps. What the last step gave must have
  // been taken out (asserted): what is left there would be read as framing, and then as a request.
  stream::BodyStep Next(pool::Connection& connection);

  bool finished() const { return finished_; }
  // Body bytes handed out so far, without framing.
  uint64_t bytes() const { return bytes_; }
  // After BodyStep::kEnd; good until Start or Release.
  http::HeaderList* trailers() { return &trailers_; }
  // Gives back memory that only trailers need.
  void Release();

 private:
  stream::BodyStep Data(pool::Connection& connection, uint64_t bytes);
  stream::BodyStep End();
  stream::BodyStep Broken(http::Refusal refusal);
  // Reads once. kData, with no bytes, says that in() has grown: the caller goes on.
  stream::BodyStep Fill(pool::Connection& connection);
  stream::BodyStep NextChunked(pool::Connection& connection);
  stream::BodyStep NextTrailers(pool::Connection& connection);

  http::BodyKind kind_ = http::BodyKind::kNone;
  bool finished_ = true;
  bool in_trailers_ = false;
  bool broken_ = false;
  http::Refusal refusal_ = http::Refusal::kNone;  // why, if a rule was
  uint64_t remaining_ = 0;
  uint64_t bytes_ = 0;
  uint64_t taken_by_then_ = 0;  // of the connection's bytes, once the last step's were taken out
  http::ChunkedDecoder decoder_;
  http::HeadScanner trailer_scanner_;
  http::HeaderList trailers_;
  pool::Buffer trailer_bytes_;
};

}  // namespace holdfast::http1

#endif  // HOLDFAST_GATEWAY_HTTP1_BODY_READER_H_
