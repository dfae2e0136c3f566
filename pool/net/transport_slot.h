#ifndef HOLDFAST_POOL_NET_TRANSPORT_SLOT_H_
#define HOLDFAST_POOL_NET_TRANSPORT_SLOT_H_

#include <memory>
#include <new>
#include <utility>

#include "pool/net/check.h"
#include "pool/net/plain_transport.h"
#include "pool/net/transport.h"

namespace holdfast::pool {

// Room for a connection's transport: a plain one lies in place, for nearly every client has one;
// any other is on the heap. One thread; destruction destroys the transport.
class TransportSlot {
 public:
  explicit TransportSlot(std::unique_ptr<Transport> other) : other_(std::move(other)) {}
  explicit TransportSlot(FileDescriptor plain) : plain_(std::move(plain)), in_place_(true) {}
  TransportSlot(TransportSlot&& from) noexcept : other_() { TakeFrom(from); }
  TransportSlot& operator=(TransportSlot&&) = delete;
  ~TransportSlot() { Destroy(); }

  // Null once it was given away.
  Transport* get() { return in_place_ ? static_cast<Transport*>(&plain_) : other_.get(); }
  const Transport* get() const {
    return in_place_ ? static_cast<const Transport*>(&plain_) : other_.get();
  }
  Transport* operator->() { return get(); }
  const Transport* operator->() const { return get(); }

  void Reset() {
    Destroy();
    new (&other_) std::unique_ptr<Transport>();
    in_place_ = false;
  }
  // Gives it away.
  std::unique_ptr<Transport> Release() {
    HOLDFAST_CHECK(get() != nullptr);
    std::unique_ptr<Transport> released =
        in_place_ ? std::make_unique<PlainTransport>(std::move(plain_)) : std::move(other_);
    Reset();
    return released;
  }

 private:
  void Destroy() {
    if (in_place_) {
      plain_.~PlainTransport();
    } else {
      other_.~unique_ptr();
    }
  }
  void TakeFrom(TransportSlot& from) {
    HOLDFAST_CHECK(!in_place_);
    if (!from.in_place_) {
      other_ = std::move(from.other_);
      return;
    }
    other_.~unique_ptr();
    new (&plain_) PlainTransport(std::move(from.plain_));
    in_place_ = true;
    from.Reset();
  }

  union {
    std::unique_ptr<Transport> other_;
    PlainTransport plain_;
  };
  bool in_place_ = false;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_TRANSPORT_SLOT_H_
