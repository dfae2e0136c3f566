#include "gateway/http/chunked_decoder.h"

#include <algorithm>
#include <limits>

#include "gateway/http/syntax.h"
#include "pool/net/check.h"

namespace holdfast::http {
namespace {

// Fifteen digits are an exabyte; a sixteenth could only reach towards overflow. The bound counts
// leading zeros too, so a size cannot be endless.
constexpr uint8_t kMaxSizeDigits = 15;

}  // namespace

void ChunkedDecoder::MoveTo(State next) {
  using enum State;
  constexpr auto one_of = [](auto... states) {
    return static_cast<uint16_t>((0u | ... | (1u << static_cast<int>(states))));
  };
  static constexpr uint16_t kMayFollow[] = {
      /*kSizeStart*/ one_of(kSize, kRefused),
      /*kSize*/ one_of(kSize, kSizeBlank, kExtension, kSizeLf, kRefused),
      /*kSizeBlank*/ one_of(kExtension, kSizeLf, kRefused),
      /*kExtension*/ one_of(kExtensionLf, kRefused),
      /*kSizeLf*/ one_of(kData, kDone, kRefused),
      /*kExtensionLf*/ one_of(kData, kDone, kRefused),
      /*kData*/ one_of(kDataCr),
      /*kDataCr*/ one_of(kDataLf, kRefused),
      /*kDataLf*/ one_of(kSizeStart, kRefused),
      /*kDone*/ one_of(),
      /*kRefused*/ one_of(),
  };
  HOLDFAST_CHECK((kMayFollow[static_cast<int>(state_)] & one_of(next)) != 0);
  state_ = next;
}

ChunkedDecoder::Result ChunkedDecoder::Decode(std::string_view bytes) {
  size_t taken = 0;
  while (taken < bytes.size() && state_ != State::kDone && state_ != State::kRefused) {
    if (state_ != State::kData) {
      TakeByte(bytes[taken++]);
      continue;
    }
    const auto data = static_cast<size_t>(std::min<uint64_t>(remaining_, bytes.size() - taken));
    remaining_ -= data;
    allowance_ += static_cast<uint32_t>(
        std::min<uint64_t>(data, std::numeric_limits<uint32_t>::max() - allowance_));
    if (remaining_ == 0) MoveTo(State::kDataCr);
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
    case State::kSizeBlank: TakeAfterBlank(byte); break;
    case State::kExtension: TakeExtensionByte(byte); break;
    case State::kSizeLf: TakeLineFeed(byte, Refusal::kChunkLineEnd); break;
    case State::kExtensionLf: TakeLineFeed(byte, Refusal::kChunkExtensionBytes); break;
    case State::kDataCr:
      if (byte == '\r') {
        MoveTo(State::kDataLf);
      } else {
        Refuse(Refusal::kMissingChunkEnd);
      }
      break;
    case State::kDataLf:
      if (byte == '\n') {
        NextChunk();
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
    TakeDigit(digit);
  } else if (state_ == State::kSizeStart) {
    Refuse(Refusal::kMalformedChunkSize);
  } else if (byte == '\r') {
    MoveTo(State::kSizeLf);
  } else if (byte == ';') {
    MoveTo(State::kExtension);
  } else if (byte == ' ' || byte == '\t') {
    MoveTo(State::kSizeBlank);
    TakePadding();
  } else {
    Refuse(byte == '\n' ? Refusal::kChunkLineEnd : Refusal::kMalformedChunkSize);
  }
}

void ChunkedDecoder::TakeDigit(int digit) {
  if (++digits_ > kMaxSizeDigits) return Refuse(Refusal::kChunkSizeOverflow);
  MoveTo(State::kSize);
  if (digits_ > 1 && remaining_ == 0) TakePadding();  // The digit before was a leading zero.
  remaining_ = remaining_ * 16 + static_cast<uint64_t>(digit);
}

// RFC 9112 section 7.1.1 allows blanks before the ';' of an extension. Before the line's end they
// are only the padding of old servers.
void ChunkedDecoder::TakeAfterBlank(char byte) {
  if (byte == ';') {
    MoveTo(State::kExtension);
  } else if (byte == ' ' || byte == '\t') {
    TakePadding();
  } else if (byte == '\r' && sender_ == ChunkSender::kUpstream) {
    MoveTo(State::kSizeLf);
  } else {
    Refuse(Refusal::kMalformedChunkSize);
  }
}

// An upstream that pads every size may send short chunks for as long as it likes: events, or signs
// of life. The bound of each chunk is enough.
void ChunkedDecoder::TakePadding() {
  if (sender_ == ChunkSender::kClient) return TakeOverhead();
  if (++extension_bytes_ > kMaxExtensionBytes) Refuse(Refusal::kChunkExtensionTooLong);
}

void ChunkedDecoder::TakeOverhead() {
  if (++extension_bytes_ > kMaxExtensionBytes) return Refuse(Refusal::kChunkExtensionTooLong);
  if (allowance_ == 0) return Refuse(Refusal::kTooMuchChunkOverhead);
  --allowance_;
}

void ChunkedDecoder::TakeExtensionByte(char byte) {
  if (byte == '\r') {
    MoveTo(State::kExtensionLf);
  } else if (!IsValueByte(byte)) {
    Refuse(Refusal::kChunkExtensionBytes);
  } else {
    TakeOverhead();
  }
}

void ChunkedDecoder::TakeLineFeed(char byte, Refusal otherwise) {
  if (byte != '\n') return Refuse(otherwise);
  MoveTo(remaining_ == 0 ? State::kDone : State::kData);
}

void ChunkedDecoder::NextChunk() {
  MoveTo(State::kSizeStart);
  digits_ = 0;
  extension_bytes_ = 0;
  remaining_ = 0;
}

void ChunkedDecoder::Refuse(Refusal refusal) {
  MoveTo(State::kRefused);
  refusal_ = refusal;
}

}  // namespace holdfast::http
