#include "gateway/compression/brotli_encoder.h"

#include <brotli/encode.h>

#include <cstdint>

namespace holdfast::compression {
namespace {

constexpr uint32_t kWindowBits = 16;

struct DestroyState {
  void operator()(BrotliEncoderState* state) const { BrotliEncoderDestroyInstance(state); }
};

class BrotliEncoder final : public Encoder {
 public:
  explicit BrotliEncoder(int level) : Encoder(Coding::kBrotli, level) {}

 private:
  Step Run(Operation operation, std::string_view* input, std::span<char> room) override {
    if (state_ == nullptr && !Begin()) return {.failed = true};
    size_t input_left = input->size();
    auto* next_in = reinterpret_cast<const uint8_t*>(input->data());
    size_t room_left = room.size();
    auto* next_out = reinterpret_cast<uint8_t*>(room.data());
    const bool ok =
        BrotliEncoderCompressStream(state_.get(), OperationOf(operation), &input_left, &next_in,
                                    &room_left, &next_out, nullptr) == BROTLI_TRUE;
    input->remove_prefix(input->size() - input_left);
    return {.written = room.size() - room_left,
            .done = input->empty() && BrotliEncoderHasMoreOutput(state_.get()) == BROTLI_FALSE,
            .failed = !ok};
  }

  // The next body takes its memory when it comes.
  bool Restart() override {
    state_.reset();
    return true;
  }

  bool Begin() {
    state_.reset(BrotliEncoderCreateInstance(nullptr, nullptr, nullptr));
    return state_ != nullptr && Set(BROTLI_PARAM_QUALITY, static_cast<uint32_t>(level())) &&
           Set(BROTLI_PARAM_LGWIN, kWindowBits);
  }

  bool Set(BrotliEncoderParameter parameter, uint32_t value) {
    return BrotliEncoderSetParameter(state_.get(), parameter, value) == BROTLI_TRUE;
  }

  static BrotliEncoderOperation OperationOf(Operation operation) {
    switch (operation) {
      case Operation::kEncode: return BROTLI_OPERATION_PROCESS;
      case Operation::kFlush: return BROTLI_OPERATION_FLUSH;
      case Operation::kFinish: return BROTLI_OPERATION_FINISH;
    }
    return BROTLI_OPERATION_PROCESS;
  }

  std::unique_ptr<BrotliEncoderState, DestroyState> state_;
};

}  // namespace

std::unique_ptr<Encoder> MakeBrotliEncoder(int level) {
  return std::make_unique<BrotliEncoder>(level);
}

}  // namespace holdfast::compression
