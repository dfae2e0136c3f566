#ifndef HOLDFAST_POOL_NET_INTRODUCING_TRANSPORT_H_
#define HOLDFAST_POOL_NET_INTRODUCING_TRANSPORT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "pool/net/transport.h"

namespace holdfast::pool {

// Another transport whose connection begins with some bytes of ours, before anything that it says
// itself: a PROXY header (pool/net/proxy_header.h). Only a socket that connects may have one.
// Loop thread; owns the other.
class IntroducingTransport final : public Transport {
 public:
  IntroducingTransport(std::unique_ptr<Transport> inner, std::string introduction)
      : inner_(std::move(inner)), introduction_(std::move(introduction)) {}

  int fd() const override { return inner_->fd(); }
  void Arrive(EventLoop* loop, SlabPool* slabs) override { inner_->Arrive(loop, slabs); }
  void Leave() override { inner_->Leave(); }
  IoResult Establish() override;
  std::string_view protocol() const override { return inner_->protocol(); }
  IoResult Read(const iovec* pieces, int count) override { return inner_->Read(pieces, count); }
  IoResult Write(const iovec* pieces, int count) override { return inner_->Write(pieces, count); }
  IoResult Shutdown() override { return inner_->Shutdown(); }
  void ExpectEnd() override { inner_->ExpectEnd(); }
  void SayEnd() override { inner_->SayEnd(); }
  Quiet Inspect() override { return inner_->Inspect(); }
  bool ends_with_socket() const override { return inner_->ends_with_socket(); }
  uint64_t wire_bytes_written() const override { return inner_->wire_bytes_written(); }
  // Of those that the other has written.
  std::optional<uint64_t> wire_bytes_acknowledged() const override;
  bool encrypted() const override { return inner_->encrypted(); }
  bool MayAskFor(std::string_view host) const override { return inner_->MayAskFor(host); }
  std::optional<SecureFacts> secure() const override { return inner_->secure(); }
  const PeerIdentity* identity(bool whole) override { return inner_->identity(whole); }
  bool Detachable() const override { return inner_->Detachable(); }

 private:
  std::unique_ptr<Transport> inner_;
  const std::string introduction_;
  size_t sent_ = 0;  // of it
  bool connected_ = false;
  std::optional<uint64_t> acknowledged_at_start_;  // the kernel counts the SYN
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_INTRODUCING_TRANSPORT_H_
