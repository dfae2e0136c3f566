#ifndef HOLDFAST_GATEWAY_COMPRESSION_ENCODER_H_
#define HOLDFAST_GATEWAY_COMPRESSION_ENCODER_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "gateway/compression/coding.h"
#include "pool/net/buffer.h"

namespace holdfast::compression {

// Encodes one body after another, each as it comes: what has been given goes out when the library
// has enough of it, or at Flush. Owned by whoever sends the body, or by the EncoderSupply in
// between; one thread.
//
//   ok = encoder->Encode(*step.buffer, step.bytes, &out);  // for each piece
//   ok = encoder->Flush(&out);                             // when the body pauses
//   ok = encoder->Finish(&out);                            // at its end, of an empty body too
//   ok = encoder->Reset();                                 // before the next body
//
// A call is false when the library could not go on, which means that it had no memory: the body
// cannot be completed, and every call until Reset is false too. What a call adds to `*to` is no
// more than kMaxGrowth says beyond the bytes that were given since the last flush.
class Encoder {
 public:
  // What an encoder holds at most, in bytes; measured by the tests.
  static constexpr size_t MemoryBound(Coding coding, int level);
  // The codings' own bytes where nothing can be made smaller: of a start, a flush or an end, and of
  // each 4 KiB.
  static constexpr size_t kMaxGrowth = 64;

  virtual ~Encoder() = default;
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  Coding coding() const { return coding_; }
  int level() const { return level_; }

  // Takes the first `bytes` (<= from.size()) of `from`, which is not `*to`.
  bool Encode(pool::Buffer& from, size_t bytes, pool::Buffer* to);
  // From what is in `*to` by then, the reader can decode all that was given. Adds nothing when
  // nothing was given since the last time. It costs some bytes, and a worse ratio after it.
  bool Flush(pool::Buffer* to);
  bool Finish(pool::Buffer* to);
  bool Reset();

  // Something was given that no flush has followed.
  bool unflushed() const { return unflushed_; }

 protected:
  enum class Operation { kEncode, kFlush, kFinish };
  struct Step {
    size_t written = 0;
    bool done = false;    // the input is taken and, of a flush or the end, all is written
    bool failed = false;  // the library cannot go on
  };

  Encoder(Coding coding, int level);

  // One call of the library: takes from the front of `*input`, writes into `room`.
  virtual Step Run(Operation operation, std::string_view* input, std::span<char> room) = 0;
  // Begins anew. False: there is no memory.
  virtual bool Restart() = 0;

 private:
  bool Drive(Operation operation, std::string_view input, pool::Buffer* to);

  const Coding coding_;
  const int level_;
  bool unflushed_ = false;
  bool finished_ = false;
  bool failed_ = false;
};

// `coding` is not kIdentity; `level` is from kMinLevel, the fastest, to kMaxLevel.
std::unique_ptr<Encoder> MakeEncoder(Coding coding, int level);

constexpr size_t Encoder::MemoryBound(Coding coding, int level) {
  constexpr size_t kKiB = 1024;
  switch (coding) {
    case Coding::kIdentity: break;
    case Coding::kGzip: return 272 * kKiB;
    case Coding::kZstd: return 1152 * kKiB;
    case Coding::kBrotli: return (level < 4 ? 1024 : level < 9 ? 2048 : 2560) * kKiB;
  }
  return 0;
}

}  // namespace holdfast::compression

#endif  // HOLDFAST_GATEWAY_COMPRESSION_ENCODER_H_
