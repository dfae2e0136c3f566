#include "gateway/http/chunked_decoder.h"

#include <algorithm>

#include "gateway/http/syntax.h"

namespace holdfast::http {
namespace {

// Fifteen digits are an exabyte; a sixteenth could only reach towards overflow. The bound counts
// leading zeros too, so a size cannot be endless.
constexpr uint8_t kMaxSizeDigits = 15;

}  // namespace

ChunkedDecoder::Result ChunkedDecoder::Decode(std::string_view bytes) {
  size_t taken = 0;
  while (taken < bytes.size() && state_ != State::kDone && state_ != State::kRefused) {
    if (state_ != State::kData) {
      TakeByte(bytes[taken++]);
      continue;
    }
    const auto data = static_cast<size_t>(std::min<uint64_t>(remaining_, bytes.size() - taken));
    remaining_ -= data;
    if (remaining_ == 0) state_ = State::kDataCr;
    return {Step::kData, taken, data, Refusal::kNone};
  }
  if (state_ == State::kDone) return {Step::kLastChunk, taken, 0, Refusal::kNone};
  if (state_ == State::kRefused) return {Step::kRefused, taken, 0, refusal_};
  return {Step::kNeedMore, taken, 0, Refusal::kNone};
}

void ChunkedDecoder::TakeByte(char byte) {
  switch (state_) {
    case State::kSizeStart:
    case State::kSize: TakeSizeByte(byte); break;
    case State::kExtension: TakeExtensionByte(byte); break;
    case State::kSizeLf: TakeLineFeed(byte, Refusal::kChunkLineEnd); break;
    case State::kExtensionLf: TakeLineFeed(byte, Refusal::kChunkExtensionBytes); break;
    case State::kDataCr:
      if (byte == '\r') {
        state_ = State::kDataLf;
      } else {
        Refuse(Refusal::kMissingChunkEnd);
      }
      break;
    case State::kDataLf:
      if (byte == '\n') {
        Reset();
      } else {
        Refuse(Refusal::kMissingChunkEnd);
      }
      break;
    case State::kData:
    case State::kDone:
    case State::kRefused: break;
  }
}

void ChunkedDecoder::TakeSizeByte(char byte) {
  const int digit = HexValue(byte);
  if (digit >= 0) {
    if (++digits_ > kMaxSizeDigits) return Refuse(Refusal::kChunkSizeOverflow);
    remaining_ = remaining_ * 16 + static_cast<uint64_t>(digit);
    state_ = State::kSize;
  } else if (state_ == State::kSizeStart) {
    Refuse(Refusal::kMalformedChunkSize);
  } else if (byte == '\r') {
    state_ = State::kSizeLf;
  } else if (byte == ';') {
    state_ = State::kExtension;
  } else {
    Refuse(byte == '\n' ? Refusal::kChunkLineEnd : Refusal::kMalformedChunkSize);
  }
}

void ChunkedDecoder::TakeExtensionByte(char byte) {
  if (byte == '\r') {
    state_ = State::kExtensionLf;
  } else if (!IsValueByte(byte)) {
    Refuse(Refusal::kChunkExtensionBytes);
  } else if (++extension_bytes_ > kMaxExtensionBytes) {
    Refuse(Refusal::kChunkExtensionTooLong);
  }
}

void ChunkedDecoder::TakeLineFeed(char byte, Refusal otherwise) {
  if (byte != '\n') return Refuse(otherwise);
  state_ = remaining_ == 0 ? State::kDone : State::kData;
}

void ChunkedDecoder::Refuse(Refusal refusal) {
  state_ = State::kRefused;
  refusal_ = refusal;
}

}  // namespace holdfast::http
