#include "gateway/http1/body_reader.h"

#include <algorithm>

#include "gateway/http1/head_scan.h"
#include "pool/net/check.h"

namespace holdfast::http1 {

using http::BodyKind;
using http::ChunkedDecoder;
using http::HeadScanner;
using http::Refusal;
using pool::FillStatus;
using stream::BodyStep;

void BodyReader::Start(BodyKind kind, uint64_t content_length) {
  kind_ = kind;
  remaining_ = kind == BodyKind::kLength ? content_length : 0;
  finished_ = kind == BodyKind::kNone || (kind == BodyKind::kLength && remaining_ == 0);
  in_trailers_ = broken_ = false;
  refusal_ = Refusal::kNone;
  bytes_ = taken_by_then_ = 0;
  decoder_.Reset();
  trailer_scanner_.Reset();
  Release();
}

void BodyReader::Release() {
  trailers_.Clear();
  trailer_bytes_.Clear();
}

BodyStep BodyReader::Next(pool::Connection& connection) {
  HOLDFAST_CHECK(connection.bytes_read() - connection.in().size() >= taken_by_then_);
  if (finished_) return End();
  if (broken_) return Broken(refusal_);
  if (kind_ == BodyKind::kChunked) {
    return in_trailers_ ? NextTrailers(connection) : NextChunked(connection);
  }
  if (connection.in().empty()) {
    const BodyStep filled = Fill(connection);
    if (filled.kind != BodyStep::Kind::kData) return filled;
  }
  if (kind_ == BodyKind::kUntilClose) return Data(connection, connection.in().size());
  HOLDFAST_CHECK(kind_ == BodyKind::kLength);
  const uint64_t bytes = std::min<uint64_t>(remaining_, connection.in().size());
  remaining_ -= bytes;
  finished_ = remaining_ == 0;
  return Data(connection, bytes);
}

BodyStep BodyReader::NextChunked(pool::Connection& connection) {
  while (true) {
    if (connection.in().empty()) {
      const BodyStep filled = Fill(connection);
      if (filled.kind != BodyStep::Kind::kData) return filled;
    }
    const ChunkedDecoder::Result result = decoder_.Decode(connection.in().Front());
    connection.in().Consume(result.framing_bytes);
    switch (result.step) {
      case ChunkedDecoder::Step::kNeedMore: break;
      case ChunkedDecoder::Step::kData: return Data(connection, result.data_bytes);
      case ChunkedDecoder::Step::kLastChunk: in_trailers_ = true; return NextTrailers(connection);
      case ChunkedDecoder::Step::kRefused: return Broken(result.refusal);
    }
  }
}

BodyStep BodyReader::NextTrailers(pool::Connection& connection) {
  pool::Buffer& in = connection.in();
  while (true) {
    const http::HeadLimits limits;
    const HeadScanner::Result scan = ScanHead(&trailer_scanner_, in, limits);
    if (scan.status == HeadScanner::Status::kRefused) return Broken(scan.refusal);
    if (scan.status == HeadScanner::Status::kComplete) {
      trailer_bytes_.MoveFrom(in, scan.head_bytes);
      const Refusal refusal =
          http::ParseTrailers(trailer_bytes_.Linearize(scan.head_bytes), limits, &trailers_);
      if (refusal != Refusal::kNone) return Broken(refusal);
      finished_ = true;
      return End();
    }
    const BodyStep filled = Fill(connection);
    if (filled.kind != BodyStep::Kind::kData) return filled;
  }
}

BodyStep BodyReader::Fill(pool::Connection& connection) {
  if (!connection.readable()) return BodyStep{};
  switch (connection.Fill(stream::kHighWatermark)) {
    case FillStatus::kRead: return BodyStep{.kind = BodyStep::Kind::kData};
    case FillStatus::kWouldBlock: return BodyStep{};
    case FillStatus::kEndOfStream:
      if (kind_ != BodyKind::kUntilClose) return Broken(Refusal::kNone);
      finished_ = true;
      return End();
    case FillStatus::kFull:  // Framing that long was refused before.
    case FillStatus::kError: return Broken(Refusal::kNone);
  }
  HOLDFAST_CHECK(false);
}

BodyStep BodyReader::Data(pool::Connection& connection, uint64_t bytes) {
  bytes_ += bytes;
  taken_by_then_ = connection.bytes_read() - connection.in().size() + bytes;
  return BodyStep{.kind = BodyStep::Kind::kData,
                  .buffer = &connection.in(),
                  .bytes = static_cast<size_t>(bytes)};
}

BodyStep BodyReader::End() { return BodyStep{.kind = BodyStep::Kind::kEnd}; }

// For good: what follows in the input is none of this message's any more.
BodyStep BodyReader::Broken(Refusal refusal) {
  broken_ = true;
  refusal_ = refusal;
  return BodyStep{.kind = BodyStep::Kind::kBroken, .refusal = refusal};
}

}  // namespace holdfast::http1
