#ifndef HOLDFAST_POOL_IDLE_PLACES_H_
#define HOLDFAST_POOL_IDLE_PLACES_H_

#include <cstddef>

#include "pool/net/check.h"
#include "pool/shelf.h"

namespace holdfast::pool {

// The places for idle connections that one worker's pool holds on its shelf: as many as it ever
// kept idle at a time, so that going idle and coming back changes nothing there.
//
// One thread. The shelf outlives it. Destruction gives all of them back.
class IdlePlaces {
 public:
  explicit IdlePlaces(Shelf* shelf) : shelf_(shelf) { HOLDFAST_CHECK(shelf_ != nullptr); }
  ~IdlePlaces() { Return(taken_); }
  IdlePlaces(const IdlePlaces&) = delete;
  IdlePlaces& operator=(const IdlePlaces&) = delete;

  size_t taken() const { return taken_; }
  // Takes more until there are `wanted`, as far as there are any.
  void TakeUpTo(size_t wanted) {
    while (taken_ < wanted && shelf_->TakeIdlePlace()) ++taken_;
  }
  // No more are held than there are connections.
  void ReturnBeyond(size_t connections) {
    if (taken_ > connections) Return(taken_ - connections);
  }
  // As many as are too many since a limit was lowered.
  void ReturnOver() {
    while (taken_ > 0 && shelf_->over_idle()) Return(1);
  }

 private:
  void Return(size_t count) {
    HOLDFAST_CHECK(count <= taken_);
    shelf_->ReturnIdlePlaces(count);
    taken_ -= count;
  }

  Shelf* shelf_;
  size_t taken_ = 0;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_IDLE_PLACES_H_
