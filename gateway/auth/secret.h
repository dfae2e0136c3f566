#ifndef HOLDFAST_GATEWAY_AUTH_SECRET_H_
#define HOLDFAST_GATEWAY_AUTH_SECRET_H_

#include <string.h>

#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

namespace holdfast::auth {

// Bytes that are wiped when they are not needed any more. They stay where they are when it moves: a
// string would leave short ones behind. Owned by one thread at a time.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view bytes)
      : bytes_(std::make_unique<char[]>(bytes.size())), size_(bytes.size()) {
    bytes.copy(bytes_.get(), size_);
  }
  Secret(Secret&& other) noexcept
      : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}
  Secret& operator=(Secret&& other) noexcept {
    bytes_.swap(other.bytes_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Secret() {
    if (bytes_ != nullptr) explicit_bzero(bytes_.get(), size_);
  }

  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  size_t size_ = 0;
};

}  // namespace holdfast::auth

#endif  // HOLDFAST_GATEWAY_AUTH_SECRET_H_
