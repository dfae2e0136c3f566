#include "pool/connection_permit.h"

#include "pool/net/check.h"

namespace holdfast::pool {

ConnectionPermit ConnectionPermit::Take(const std::shared_ptr<Shelf>& shelf, bool* breaker) {
  HOLDFAST_CHECK(shelf != nullptr);
  *breaker = false;
  if (!shelf->TakeConnection()) return ConnectionPermit();
  *breaker = !shelf->totals().TakeConnection();
  if (!*breaker) return ConnectionPermit(shelf);
  shelf->ReturnConnection();
  return ConnectionPermit();
}

void ConnectionPermit::Release() {
  if (shelf_ == nullptr) return;
  shelf_->totals().ReturnConnection();
  shelf_->ReturnConnection();
  shelf_.reset();
}

}  // namespace holdfast::pool
