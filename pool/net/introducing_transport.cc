#include "pool/net/introducing_transport.h"

#include <sys/socket.h>

#include <cerrno>

#include "pool/net/socket.h"

namespace holdfast::pool {

IoResult IntroducingTransport::Establish() {
  if (!connected_) {
    const int error = TakeSocketError(fd());
    if (error != 0) return {.status = IoStatus::kFailed, .error = {.system = error}};
    connected_ = true;
    acknowledged_at_start_ = AcknowledgedBytes(fd());
  }
  while (sent_ < introduction_.size()) {
    const ssize_t put = send(fd(), introduction_.data() + sent_, introduction_.size() - sent_,
                             MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put > 0) {
      sent_ += static_cast<size_t>(put);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return {.wants = Wants::kWrite};
    } else if (errno != EINTR) {
      return {.status = IoStatus::kFailed, .error = {.system = errno}};
    }
  }
  return inner_->Establish();
}

std::optional<uint64_t> IntroducingTransport::wire_bytes_acknowledged() const {
  if (!acknowledged_at_start_.has_value()) return std::nullopt;
  const std::optional<uint64_t> now = AcknowledgedBytes(fd());
  if (!now.has_value()) return std::nullopt;
  const uint64_t ours = *acknowledged_at_start_ + introduction_.size();
  return *now > ours ? *now - ours : 0;
}

}  // namespace holdfast::pool
