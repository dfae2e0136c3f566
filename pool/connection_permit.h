#ifndef HOLDFAST_POOL_CONNECTION_PERMIT_H_
#define HOLDFAST_POOL_CONNECTION_PERMIT_H_

#include <memory>
#include <utility>

#include "pool/shelf.h"

namespace holdfast::pool {

// A place under the caps of an endpoint, of its upstream and of the process, for one connection's
// life. Movable; whoever holds it gives it back by letting it go. Any worker's thread, one at a
// time: it travels with its connection.
class ConnectionPermit {
 public:
  // Takes a place; not held when there is none. `*breaker` says that it is the upstream's limit
  // that leaves none.
  static ConnectionPermit Take(const std::shared_ptr<Shelf>& shelf, bool* breaker);

  ConnectionPermit() = default;
  ConnectionPermit(ConnectionPermit&&) noexcept = default;
  ConnectionPermit& operator=(ConnectionPermit&& other) noexcept {
    if (this == &other) return *this;
    Release();
    shelf_ = std::move(other.shelf_);
    return *this;
  }
  ~ConnectionPermit() { Release(); }

  bool held() const { return shelf_ != nullptr; }
  // Gives the place back early. Idempotent.
  void Release();

 private:
  // The places have been taken.
  explicit ConnectionPermit(std::shared_ptr<Shelf> shelf) : shelf_(std::move(shelf)) {}

  std::shared_ptr<Shelf> shelf_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_CONNECTION_PERMIT_H_
