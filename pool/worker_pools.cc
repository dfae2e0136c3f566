#include "pool/worker_pools.h"

#include "pool/net/check.h"

namespace holdfast::pool {

void WorkerPools::Add(IdleHolder* pool) {
  HOLDFAST_CHECK(pool != nullptr);
  pools_.push_back(pool);
}

void WorkerPools::Remove(IdleHolder* pool) {
  const size_t removed = std::erase(pools_, pool);
  HOLDFAST_CHECK(removed == 1);
}

bool WorkerPools::EvictIdle(const IdleHolder& asker) {
  for (size_t i = 0; i < pools_.size(); ++i) {
    IdleHolder* const pool = pools_[next_++ % pools_.size()];
    if (pool != &asker && pool->EvictIdle()) return true;
  }
  return false;
}

}  // namespace holdfast::pool
