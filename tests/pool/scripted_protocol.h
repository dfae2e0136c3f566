#ifndef HOLDFAST_TESTS_POOL_SCRIPTED_PROTOCOL_H_
#define HOLDFAST_TESTS_POOL_SCRIPTED_PROTOCOL_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "pool/connection_protocol.h"

namespace holdfast::pool {

// A protocol as HTTP/2 will be: many leases on one connection, which stays with its worker and may
// speak while it is idle. Serves as its own choice for every endpoint.
class ScriptedProtocols final : public ProtocolChoice {
 public:
  explicit ScriptedProtocols(uint32_t capacity) : expected(capacity), capacity(capacity) {}

  uint32_t ExpectedCapacity(const EndpointKey&) const override { return expected; }
  std::unique_ptr<ConnectionProtocol> ProtocolFor(const EndpointKey&, Connection&) const override {
    auto made = std::make_unique<Protocol>(this);
    last_ = made.get();
    return made;
  }
  // The peer of the connection made last says something new.
  void Tell(uint32_t new_capacity, CloseReason end = CloseReason::kNone) {
    capacity = new_capacity;
    last_->end_ = end;
    last_->to_tell_->OnProtocolChanged();
  }

  const uint32_t expected;
  // What connections say when they are asked.
  uint32_t capacity;
  // Taken while idle, and events while in use.
  mutable int idle_bytes = 0;
  mutable int events = 0;
  mutable int ends_said = 0;

 private:
  class Protocol final : public ConnectionProtocol, private ConnectionEvents {
   public:
    explicit Protocol(const ScriptedProtocols* script) : script_(script) {}

    uint32_t capacity() const override { return script_->capacity; }
    CloseReason end() const override { return end_; }
    void Attach(ProtocolEvents* events) override { to_tell_ = events; }
    CloseReason OnIdleReadable(Connection& connection) override {
      while (connection.Fill(64) == FillStatus::kRead) {
        script_->idle_bytes += static_cast<int>(connection.in().size());
        connection.in().Consume(connection.in().size());
      }
      const bool over = connection.gone() || connection.end() != ConnectionEnd::kOpen;
      return over ? CloseReason::kIdlePeerClosed : CloseReason::kNone;
    }
    void SayEnd() override { ++script_->ends_said; }
    bool travels() const override { return false; }
    ConnectionEvents* listener() override { return this; }

   private:
    friend class ScriptedProtocols;
    void OnConnectionReady() override { ++script_->events; }

    const ScriptedProtocols* script_;
    ProtocolEvents* to_tell_ = nullptr;
    CloseReason end_ = CloseReason::kNone;
  };

  mutable Protocol* last_ = nullptr;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_TESTS_POOL_SCRIPTED_PROTOCOL_H_
