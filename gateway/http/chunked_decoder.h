#ifndef HOLDFAST_GATEWAY_HTTP_CHUNKED_DECODER_H_
#define HOLDFAST_GATEWAY_HTTP_CHUNKED_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gateway/http/framing.h"

namespace holdfast::http {

// Who sends the chunks. The decoder refuses a client's chunks where readers could disagree. An
// upstream may pad a size with blanks, as some old servers do and other proxies accept.
enum class ChunkSender : uint8_t { kClient, kUpstream };

// Decodes the chunked transfer coding (RFC 9112 section 7.1) strictly and incrementally: any split
// of the input gives the same result. Extensions are checked and dropped. The trailer section is
// not decoded here: after the last chunk the decoder stops at its first byte (kLastChunk) and the
// caller scans it as a head. It holds no bytes and belongs to the thread of its message.
class ChunkedDecoder {
 public:
  // The most bytes that one chunk may carry beside its data: extensions, and blanks around the
  // size.
  static constexpr uint32_t kMaxExtensionBytes = 1024;
  // The most bytes that the chunks of one body may carry beside their data (a client's padding
  // included) before that has to be less than the data. Limits on bodies count data alone, so the
  // rest needs a bound, too.
  static constexpr uint32_t kMaxOverheadBytes = 16 * 1024;

  explicit ChunkedDecoder(ChunkSender sender = ChunkSender::kClient) : sender_(sender) {}

  enum class Step {
    kNeedMore,   // all input taken (as far as framing goes)
    kData,       // `data_bytes` of the input right after `framing_bytes` are body
    kLastChunk,  // the zero chunk's line has been taken; the trailer section follows
    kRefused,
  };
  struct Result {
    Step step = Step::kNeedMore;
    size_t framing_bytes = 0;  // leading bytes of the input that are framing: to be consumed
    size_t data_bytes = 0;     // with kData: body bytes after them, to be consumed by the caller
    Refusal refusal = Refusal::kNone;
  };
  // Looks at `bytes` and takes `framing_bytes + data_bytes` of them; call again with what follows.
  // kLastChunk and kRefused are final until Reset.
  Result Decode(std::string_view bytes);
  // Starts anew for the next body of the same sender.
  void Reset() { *this = ChunkedDecoder(sender_); }

 private:
  enum class State : uint8_t {
    kSizeStart,    // before the first digit of a size
    kSize,         // in its digits
    kSizeBlank,    // after a blank that follows them
    kExtension,    // after ';'
    kSizeLf,       // after the CR of a size line
    kExtensionLf,  // the same, after an extension
    kData,
    kDataCr,  // after the last byte of data
    kDataLf,
    kDone,
    kRefused,
  };

  void MoveTo(State next);
  // Takes one byte of framing and moves the state.
  void TakeByte(char byte);
  void TakeSizeByte(char byte);
  void TakeDigit(int digit);
  void TakeAfterBlank(char byte);
  // Counts a byte that is neither data nor needed to frame it.
  void TakeOverhead();
  // Counts a byte that only makes a size longer: a blank or a leading zero.
  void TakePadding();
  void TakeExtensionByte(char byte);
  void TakeLineFeed(char byte, Refusal otherwise);
  void Refuse(Refusal refusal);
  void NextChunk();

  ChunkSender sender_;
  State state_ = State::kSizeStart;
  Refusal refusal_ = Refusal::kNone;
  uint8_t digits_ = 0;
  uint16_t extension_bytes_ = 0;  // of this chunk, blanks included
  // How much overhead the body may still have. It grows with the data.
  uint32_t allowance_ = kMaxOverheadBytes;
  uint64_t remaining_ = 0;  // of the chunk's size while it is read, then of its data
};

}  // namespace holdfast::http

#endif  // HOLDFAST_GATEWAY_HTTP_CHUNKED_DECODER_H_
