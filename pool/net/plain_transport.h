#ifndef HOLDFAST_POOL_NET_PLAIN_TRANSPORT_H_
#define HOLDFAST_POOL_NET_PLAIN_TRANSPORT_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "pool/net/socket.h"
#include "pool/net/transport.h"

namespace holdfast::pool {

// Bytes as they are over a non-blocking TCP or UNIX stream socket that is connected or connects.
// Loop thread; owns the socket; destruction closes it. A write to a peer that is gone is EPIPE,
// never a signal.
class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(FileDescriptor socket) : socket_(std::move(socket)) {}
  PlainTransport(PlainTransport&& other) noexcept
      : socket_(std::move(other.socket_)),
        acknowledged_at_start_(other.acknowledged_at_start_),
        written_(other.written_) {}

  int fd() const override { return socket_.get(); }
  void Arrive(EventLoop*, SlabPool*) override {}
  void Leave() override {}
  IoResult Establish() override;
  std::string_view protocol() const override { return {}; }
  IoResult Read(const iovec* pieces, int count) override;
  IoResult Write(const iovec* pieces, int count) override;
  IoResult Shutdown() override;
  void ExpectEnd() override {}
  void SayEnd() override {}
  Quiet Inspect() override;
  bool ends_with_socket() const override { return true; }
  uint64_t wire_bytes_written() const override { return written_; }
  std::optional<uint64_t> wire_bytes_acknowledged() const override;
  bool encrypted() const override { return false; }
  bool MayAskFor(std::string_view) const override { return true; }
  std::optional<SecureFacts> secure() const override { return std::nullopt; }
  const PeerIdentity* identity(bool) override { return nullptr; }
  bool Detachable() const override { return true; }

 private:
  // The kernel counts the SYN, and what it counts before anything was written is not ours.
  static constexpr uint32_t kUnknown = UINT32_MAX;

  FileDescriptor socket_;
  uint32_t acknowledged_at_start_ = kUnknown;
  uint64_t written_ = 0;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_PLAIN_TRANSPORT_H_
