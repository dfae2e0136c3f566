#include "gateway/compression/zstd_encoder.h"

#include <zstd.h>

namespace holdfast::compression {
namespace {

// As powers of two: bytes of the window, entries of the tables.
constexpr int kWindowLog = 17;
constexpr int kTableLog = 15;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

class ZstdEncoder final : public Encoder {
 public:
  explicit ZstdEncoder(int level) : Encoder(Coding::kZstd, level), context_(ZSTD_createCCtx()) {
    ready_ = context_ != nullptr && Set(ZSTD_c_compressionLevel, level) &&
             Set(ZSTD_c_windowLog, kWindowLog) && Set(ZSTD_c_hashLog, kTableLog) &&
             Set(ZSTD_c_chainLog, kTableLog);
  }

 private:
  bool Set(ZSTD_cParameter parameter, int value) {
    return ZSTD_isError(ZSTD_CCtx_setParameter(context_.get(), parameter, value)) == 0;
  }

  Step Run(Operation operation, std::string_view* input, std::span<char> room) override {
    if (!ready_) return {.failed = true};
    ZSTD_inBuffer from = {.src = input->data(), .size = input->size(), .pos = 0};
    ZSTD_outBuffer to = {.dst = room.data(), .size = room.size(), .pos = 0};
    const size_t left = ZSTD_compressStream2(context_.get(), &to, &from, DirectiveOf(operation));
    input->remove_prefix(from.pos);
    return {.written = to.pos,
            .done = operation == Operation::kEncode ? input->empty() : left == 0,
            .failed = ZSTD_isError(left) != 0};
  }

  bool Restart() override {
    return ready_ && ZSTD_isError(ZSTD_CCtx_reset(context_.get(), ZSTD_reset_session_only)) == 0;
  }

  static ZSTD_EndDirective DirectiveOf(Operation operation) {
    switch (operation) {
      case Operation::kEncode: return ZSTD_e_continue;
      case Operation::kFlush: return ZSTD_e_flush;
      case Operation::kFinish: return ZSTD_e_end;
    }
    return ZSTD_e_continue;
  }

  std::unique_ptr<ZSTD_CCtx, FreeContext> context_;
  bool ready_ = false;
};

}  // namespace

std::unique_ptr<Encoder> MakeZstdEncoder(int level) { return std::make_unique<ZstdEncoder>(level); }

}  // namespace holdfast::compression
