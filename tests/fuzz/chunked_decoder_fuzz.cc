// A chunked body and its trailer section. The first two bytes say how the rest is cut into pieces;
// the decoder gives the same for any cut, and what it gives, coded by us, decodes to the same.

#include <string>

#include "gateway/http/chunked_decoder.h"
#include "gateway/http/parser.h"
#include "gateway/http/serializer.h"
#include "tests/fuzz/http_properties.h"
#include "tests/fuzz/property.h"

namespace holdfast::fuzz {
namespace {

using http::ChunkedDecoder;
using http::ChunkSender;
using http::Refusal;

struct Outcome {
  ChunkedDecoder::Step step = ChunkedDecoder::Step::kNeedMore;
  Refusal refusal = Refusal::kNone;
  std::string body;
  size_t taken = 0;

  bool operator==(const Outcome&) const = default;
};

bool Ended(const Outcome& outcome) {
  return outcome.step == ChunkedDecoder::Step::kLastChunk ||
         outcome.step == ChunkedDecoder::Step::kRefused;
}

void Feed(std::string_view piece, ChunkedDecoder* decoder, Outcome* outcome) {
  const std::string exact(piece);
  piece = exact;
  do {
    const ChunkedDecoder::Result result = decoder->Decode(piece);
    const bool data = result.step == ChunkedDecoder::Step::kData;
    HOLDFAST_PROPERTY(result.framing_bytes <= piece.size());
    HOLDFAST_PROPERTY(result.data_bytes <= piece.size() - result.framing_bytes);
    HOLDFAST_PROPERTY(data == (result.data_bytes > 0));
    outcome->step = result.step;
    outcome->refusal = result.refusal;
    outcome->taken += result.framing_bytes + result.data_bytes;
    outcome->body += piece.substr(result.framing_bytes, result.data_bytes);
    piece.remove_prefix(result.framing_bytes + result.data_bytes);
    if (result.step == ChunkedDecoder::Step::kNeedMore) HOLDFAST_PROPERTY(piece.empty());
  } while (outcome->step == ChunkedDecoder::Step::kData);
}

// Pieces of one to sixteen bytes, chosen by a small generator that starts at `seed`.
Outcome DecodeInPieces(std::string_view bytes, uint32_t seed, ChunkSender sender) {
  ChunkedDecoder decoder(sender);
  Outcome outcome;
  while (!bytes.empty() && !Ended(outcome)) {
    seed = seed * 1664525 + 1013904223;
    const std::string_view piece = bytes.substr(0, 1 + (seed >> 28));
    Feed(piece, &decoder, &outcome);
    bytes.remove_prefix(piece.size());
  }
  return outcome;
}

Outcome DecodeWhole(std::string_view bytes, ChunkSender sender) {
  ChunkedDecoder decoder(sender);
  Outcome outcome;
  Feed(bytes, &decoder, &outcome);
  return outcome;
}

void CheckCodedByUs(const std::string& body, pool::Buffer* buffer) {
  if (!body.empty()) {
    http::AppendChunkHeader(body.size(), buffer);
    buffer->Append(body);
    http::AppendChunkEnd(buffer);
  }
  http::AppendLastChunk(nullptr, buffer);
  const std::string coded = Drain(buffer);
  const Outcome outcome = DecodeWhole(coded, ChunkSender::kClient);
  HOLDFAST_PROPERTY(outcome.step == ChunkedDecoder::Step::kLastChunk);
  HOLDFAST_PROPERTY(outcome.body == body);
  HOLDFAST_PROPERTY(coded.substr(outcome.taken) == "\r\n");
}

void CheckTrailers(std::string_view bytes, pool::Buffer* buffer) {
  const http::HeadScanner::Result result = ScanEveryWay(bytes);
  if (result.status != http::HeadScanner::Status::kComplete) return;
  const std::string exact(bytes.substr(0, result.head_bytes));
  http::HeaderList trailers;
  const Refusal refusal = http::ParseTrailers(exact, kInputLimits, &trailers);
  HOLDFAST_PROPERTY(refusal != Refusal::kIncompleteHead);
  CheckRejection(refusal);
  if (refusal != Refusal::kNone) return;
  CheckFields(trailers, exact);

  http::AppendLastChunk(&trailers, buffer);
  const std::string coded = Drain(buffer);
  HOLDFAST_PROPERTY(coded.starts_with("0\r\n"));
  http::HeaderList again;
  HOLDFAST_PROPERTY(http::ParseTrailers(coded.substr(3), kOutputLimits, &again) == Refusal::kNone);
  for (const http::HeaderField& field : again.fields()) HOLDFAST_PROPERTY(!field.dropped);
}

}  // namespace
}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace holdfast;
  if (size < 2) return 0;
  const uint32_t seed = data[0] * 256u + data[1];
  const std::string_view bytes = fuzz::AsText(data + 2, size - 2);
  const fuzz::Outcome client = fuzz::DecodeWhole(bytes, http::ChunkSender::kClient);
  HOLDFAST_PROPERTY(client == fuzz::DecodeInPieces(bytes, seed, http::ChunkSender::kClient));
  // What is taken from a client is taken from an upstream, too, and is the same.
  const fuzz::Outcome whole = fuzz::DecodeWhole(bytes, http::ChunkSender::kUpstream);
  HOLDFAST_PROPERTY(whole == fuzz::DecodeInPieces(bytes, seed, http::ChunkSender::kUpstream));
  if (client.step == http::ChunkedDecoder::Step::kLastChunk) HOLDFAST_PROPERTY(client == whole);
  if (whole.step != http::ChunkedDecoder::Step::kLastChunk) return 0;

  pool::SlabPool slabs;
  pool::Buffer buffer(&slabs);
  fuzz::CheckCodedByUs(whole.body, &buffer);
  fuzz::CheckTrailers(bytes.substr(whole.taken), &buffer);
  return 0;
}
