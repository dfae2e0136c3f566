#ifndef HOLDFAST_POOL_WORKER_POOLS_H_
#define HOLDFAST_POOL_WORKER_POOLS_H_

#include <cstddef>
#include <vector>

namespace holdfast::pool {

// A pool that can spare an idle connection.
class IdleHolder {
 public:
  // Closes the oldest idle connection that nobody waits for; false when there is none.
  virtual bool EvictIdle() = 0;

 protected:
  ~IdleHolder() = default;
};

// The pools of one worker, for those of them that need a descriptor which another can do without.
// One thread; it outlives the pools, each of which takes itself off when it goes.
class WorkerPools {
 public:
  void Add(IdleHolder* pool);
  void Remove(IdleHolder* pool);
  // Closes an idle connection of another pool, each pool's in turn; false: none has any.
  bool EvictIdle(const IdleHolder& asker);

 private:
  std::vector<IdleHolder*> pools_;
  size_t next_ = 0;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_WORKER_POOLS_H_
