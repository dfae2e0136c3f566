#include "gateway/proxy/context.h"

#include <utility>

#include "gateway/proxy/listener.h"

namespace holdfast::proxy {

std::string_view DateCache::At(pool::WallTime now) {
  const int64_t second =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  if (second != second_) {
    http::FormatDate(second, text_.data());
    second_ = second;
  }
  return {text_.data(), text_.size()};
}

void WorkerContext::AcceptAgain() {
  for (Listener* listener : std::exchange(at_cap, {})) listener->AcceptAgain();
}

}  // namespace holdfast::proxy
