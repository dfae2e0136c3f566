#ifndef HOLDFAST_GATEWAY_COMPRESSION_ENCODER_SUPPLY_H_
#define HOLDFAST_GATEWAY_COMPRESSION_ENCODER_SUPPLY_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "gateway/compression/encoder.h"

namespace holdfast::compression {

// The encoders of one worker. It keeps some at rest, since their memory costs more to take than a
// small body to encode, and it bounds what all of them hold. One thread. Every encoder that was
// taken is given back before its end (asserted).
class EncoderSupply {
 public:
  static constexpr size_t kMaxKept = 8;

  // At most `max_bytes` by Encoder::MemoryBound, in use and at rest.
  explicit EncoderSupply(size_t max_bytes) : max_bytes_(max_bytes) {}
  ~EncoderSupply();
  EncoderSupply(const EncoderSupply&) = delete;
  EncoderSupply& operator=(const EncoderSupply&) = delete;

  // Ready for a body. Null: so much is in use that this one is sent as it is.
  std::unique_ptr<Encoder> Take(Coding coding, int level);
  // At any point of a body.
  void Give(std::unique_ptr<Encoder> encoder);
  // From time to time: frees those at rest that nobody has needed since the last time.
  void Trim();

  size_t kept() const { return kept_.size(); }
  size_t bytes_in_use() const { return bytes_in_use_; }
  // With those at rest.
  size_t bytes() const { return bytes_in_use_ + bytes_kept_; }

 private:
  bool MakeRoomFor(size_t bytes);
  void DropOldest();

  size_t max_bytes_;
  size_t bytes_in_use_ = 0;
  size_t bytes_kept_ = 0;
  size_t fewest_kept_ = 0;                      // since the last Trim
  std::vector<std::unique_ptr<Encoder>> kept_;  // the one that rests longest is first
};

}  // namespace holdfast::compression

#endif  // HOLDFAST_GATEWAY_COMPRESSION_ENCODER_SUPPLY_H_
