#include "pool/connection_protocol.h"

#include "pool/net/check.h"

namespace holdfast::pool {

namespace {

class Exclusive final : public ProtocolChoice {
 public:
  uint32_t ExpectedCapacity(const EndpointKey&) const override { return 1; }
  std::unique_ptr<ConnectionProtocol> ProtocolFor(const EndpointKey&, Connection&) const override {
    return std::make_unique<ExclusiveProtocol>();
  }
};

}  // namespace

const ProtocolChoice& AlwaysExclusive() {
  static const Exclusive choice;
  return choice;
}

CloseReason ExclusiveProtocol::OnIdleReadable(Connection& connection) {
  switch (connection.Inspect()) {
    case Quiet::kQuiet: return CloseReason::kNone;
    case Quiet::kData: return CloseReason::kIdleBytes;
    case Quiet::kEnd:
    case Quiet::kError: return CloseReason::kIdlePeerClosed;
  }
  HOLDFAST_CHECK(false);
}

}  // namespace holdfast::pool
