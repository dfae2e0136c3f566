#include "gateway/http1/body_writer.h"

#include "gateway/http/serializer.h"
#include "gateway/stream/stream.h"

namespace holdfast::http1 {

using pool::FlushStatus;

void BodyWriter::Write(pool::Connection& connection, pool::Buffer& from, size_t bytes) {
  const bool chunked = chunked_ && !switched_;
  if (chunked) http::AppendChunkHeader(bytes, &connection.out());
  connection.out().MoveFrom(from, bytes);
  if (chunked) http::AppendChunkEnd(&connection.out());
}

void BodyWriter::Finish(pool::Connection& connection, const http::HeaderList* trailers) {
  if (switched_) {
    end_due_ = true;
  } else if (chunked_) {
    http::AppendLastChunk(trailers, &connection.out());
  }
}

FlushStatus BodyWriter::Flush(pool::Connection& connection) {
  const FlushStatus status = connection.Flush();
  if (end_due_ && status == FlushStatus::kDone) {
    end_due_ = false;
    connection.Shutdown();
  }
  return status;
}

bool BodyWriter::Congested(const pool::Connection& connection) {
  const size_t unsent = connection.out().size();
  congested_ = congested_ ? unsent > stream::kLowWatermark : unsent >= stream::kHighWatermark;
  return congested_;
}

}  // namespace holdfast::http1
