#include "gateway/compression/encoder_supply.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "pool/net/check.h"

namespace holdfast::compression {
namespace {

size_t BytesOf(const Encoder& encoder) {
  return Encoder::MemoryBound(encoder.coding(), encoder.level());
}

}  // namespace

EncoderSupply::~EncoderSupply() { HOLDFAST_CHECK(bytes_in_use_ == 0); }

std::unique_ptr<Encoder> EncoderSupply::Take(Coding coding, int level) {
  const size_t bytes = Encoder::MemoryBound(coding, level);
  const auto found = std::find_if(kept_.rbegin(), kept_.rend(), [&](const auto& encoder) {
    return encoder->coding() == coding && encoder->level() == level;
  });
  std::unique_ptr<Encoder> encoder;
  if (found != kept_.rend()) {
    encoder = std::move(*found);
    kept_.erase(std::next(found).base());
    bytes_kept_ -= bytes;
    fewest_kept_ = std::min(fewest_kept_, kept_.size());
  } else if (MakeRoomFor(bytes)) {
    encoder = MakeEncoder(coding, level);
  } else {
    return nullptr;
  }
  bytes_in_use_ += bytes;
  return encoder;
}

bool EncoderSupply::MakeRoomFor(size_t bytes) {
  if (bytes > max_bytes_ || bytes_in_use_ > max_bytes_ - bytes) return false;
  while (bytes_in_use_ + bytes_kept_ > max_bytes_ - bytes) DropOldest();
  return true;
}

void EncoderSupply::Give(std::unique_ptr<Encoder> encoder) {
  const size_t bytes = BytesOf(*encoder);
  HOLDFAST_CHECK(bytes_in_use_ >= bytes);
  bytes_in_use_ -= bytes;
  if (!encoder->Reset()) return;
  if (kept_.size() == kMaxKept) DropOldest();
  kept_.push_back(std::move(encoder));
  bytes_kept_ += bytes;
}

void EncoderSupply::Trim() {
  for (size_t unneeded = fewest_kept_; unneeded > 0; --unneeded) DropOldest();
  fewest_kept_ = kept_.size();
}

void EncoderSupply::DropOldest() {
  HOLDFAST_CHECK(!kept_.empty());
  bytes_kept_ -= BytesOf(*kept_.front());
  kept_.erase(kept_.begin());
  fewest_kept_ = std::min(fewest_kept_, kept_.size());
}

}  // namespace holdfast::compression
