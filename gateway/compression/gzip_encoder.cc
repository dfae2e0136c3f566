#include "gateway/compression/gzip_encoder.h"

#include <zlib.h>

namespace holdfast::compression {
namespace {

constexpr int kWindowBits = 15;
constexpr int kGzipFraming = 16;  // added to the window's bits
constexpr int kMemoryLevel = 8;

class GzipEncoder final : public Encoder {
 public:
  explicit GzipEncoder(int level) : Encoder(Coding::kGzip, level) {
    ready_ = deflateInit2(&stream_, level, Z_DEFLATED, kWindowBits + kGzipFraming, kMemoryLevel,
                          Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~GzipEncoder() override {
    if (ready_) deflateEnd(&stream_);
  }

 private:
  Step Run(Operation operation, std::string_view* input, std::span<char> room) override {
    if (!ready_) return {.failed = true};
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input->data()));
    stream_.avail_in = static_cast<uInt>(input->size());
    stream_.next_out = reinterpret_cast<Bytef*>(room.data());
    stream_.avail_out = static_cast<uInt>(room.size());
    const int result = deflate(&stream_, FlushOf(operation));
    *input = input->substr(input->size() - stream_.avail_in);
    // Z_BUF_ERROR: there was nothing left to do.
    const bool failed = result != Z_OK && result != Z_BUF_ERROR && result != Z_STREAM_END;
    const bool room_left = stream_.avail_out > 0;
    return {.written = room.size() - stream_.avail_out,
            .done = operation == Operation::kFinish ? result == Z_STREAM_END : room_left,
            .failed = failed};
  }

  bool Restart() override { return ready_ && deflateReset(&stream_) == Z_OK; }

  static int FlushOf(Operation operation) {
    switch (operation) {
      case Operation::kEncode: return Z_NO_FLUSH;
      case Operation::kFlush: return Z_SYNC_FLUSH;
      case Operation::kFinish: return Z_FINISH;
    }
    return Z_NO_FLUSH;
  }

  z_stream stream_{};
  bool ready_ = false;
};

}  // namespace

std::unique_ptr<Encoder> MakeGzipEncoder(int level) { return std::make_unique<GzipEncoder>(level); }

}  // namespace holdfast::compression
