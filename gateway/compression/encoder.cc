#include "gateway/compression/encoder.h"

#include "gateway/compression/brotli_encoder.h"
#include "gateway/compression/gzip_encoder.h"
#include "gateway/compression/zstd_encoder.h"
#include "pool/net/check.h"

namespace holdfast::compression {
namespace {

// zlib repeats the mark of a flush where it has room for no more than that.
constexpr size_t kMinRoom = 256;

}  // namespace

Encoder::Encoder(Coding coding, int level) : coding_(coding), level_(level) {
  HOLDFAST_CHECK(level >= kMinLevel && level <= kMaxLevel);
}

bool Encoder::Encode(pool::Buffer& from, size_t bytes, pool::Buffer* to) {
  HOLDFAST_CHECK(&from != to && bytes <= from.size() && !finished_);
  while (bytes > 0 && !failed_) {
    const std::string_view piece = from.Front().substr(0, bytes);
    Drive(Operation::kEncode, piece, to);
    from.Consume(piece.size());
    bytes -= piece.size();
    unflushed_ = true;
  }
  return !failed_;
}

bool Encoder::Flush(pool::Buffer* to) {
  HOLDFAST_CHECK(!finished_);
  if (!unflushed_ || failed_) return !failed_;
  unflushed_ = false;
  return Drive(Operation::kFlush, {}, to);
}

bool Encoder::Finish(pool::Buffer* to) {
  HOLDFAST_CHECK(!finished_);
  finished_ = true;
  unflushed_ = false;
  return !failed_ && Drive(Operation::kFinish, {}, to);
}

bool Encoder::Reset() {
  unflushed_ = false;
  finished_ = false;
  failed_ = !Restart();
  return !failed_;
}

bool Encoder::Drive(Operation operation, std::string_view input, pool::Buffer* to) {
  while (true) {
    const std::span<char> room = to->PrepareWrite(kMinRoom);
    const Step step = Run(operation, &input, room);
    HOLDFAST_CHECK(step.written <= room.size());
    to->CommitWrite(step.written);
    failed_ = step.failed;
    if (step.failed || step.done) return !failed_;
  }
}

std::unique_ptr<Encoder> MakeEncoder(Coding coding, int level) {
  switch (coding) {
    case Coding::kIdentity: break;
    case Coding::kGzip: return MakeGzipEncoder(level);
    case Coding::kZstd: return MakeZstdEncoder(level);
    case Coding::kBrotli: return MakeBrotliEncoder(level);
  }
  HOLDFAST_CHECK(coding != Coding::kIdentity);
  return nullptr;
}

}  // namespace holdfast::compression
