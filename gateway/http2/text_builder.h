#ifndef HOLDFAST_GATEWAY_HTTP2_TEXT_BUILDER_H_
#define HOLDFAST_GATEWAY_HTTP2_TEXT_BUILDER_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace holdfast::http2 {

// Text that grows at its end, and whose memory serves the next one. Views of it are good until it
// grows or is cleared. One thread.
class TextBuilder {
 public:
  // All pieces, one behind the other; none of them may be of this text.
  template <typename... Pieces>
  void Append(const Pieces&... pieces) {
    char* at = Extend((std::string_view(pieces).size() + ...));
    ((at = Put(at, std::string_view(pieces))), ...);
  }
  std::string_view text() const { return {bytes_.get(), size_}; }
  size_t size() const { return size_; }

  // Keeps its memory.
  void Clear() { size_ = 0; }
  // Keeps no more than that of so many bytes.
  void ClearKeeping(size_t bytes) {
    size_ = 0;
    if (capacity_ <= bytes) return;
    bytes_.reset();
    capacity_ = 0;
  }

 private:
  static char* Put(char* at, std::string_view piece) {
    if (!piece.empty()) std::memcpy(at, piece.data(), piece.size());
    return at + piece.size();
  }
  char* Extend(size_t n) {
    if (n > capacity_ - size_) Grow(size_ + n);
    char* const end = bytes_.get() + size_;
    size_ += n;
    return end;
  }
  [[gnu::noinline]] void Grow(size_t needed) {
    constexpr size_t kLeast = 256;
    const size_t capacity = std::max({needed, 2 * capacity_, kLeast});
    auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
    Put(bytes.get(), text());
    bytes_ = std::move(bytes);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> bytes_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace holdfast::http2

#endif  // HOLDFAST_GATEWAY_HTTP2_TEXT_BUILDER_H_
