#ifndef HOLDFAST_GATEWAY_POLICY_IN_FLIGHT_H_
#define HOLDFAST_GATEWAY_POLICY_IN_FLIGHT_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace holdfast::policy {

// Door 6, too: how many requests of one route are under way, for all workers together, how many
// more wait, and at which workers. Who waits stands in its own worker's queue
// (proxy/in_flight_queue); here is only what the workers have to know of each other. Any thread,
// without a lock.
//
// A request takes a place at once while nobody waits and there is one. Otherwise its worker counts
// it (BeginWait), and then looks for a place once more (Take). Whoever gives a place back (Return)
// is told for which worker it has been taken again, and brings it there; a worker that has nobody
// left to take it gives it back in turn. So a place that goes to one who waits is never free in
// between, and nobody who comes later gets it.
//
// Nobody is forgotten. Call a worker marked while it has one who waits. All of this is sequentially
// consistent, so of the two steps "mark, then look at the count" of who waits and "lower the count,
// then look for marks" of who leaves, one sees the other's first half: either the look at the count
// finds the place, or the place is brought. If the place is gone before either of them has it, then
// somebody holds it who will leave later, and finds the mark. Hence while somebody waits, as many
// places as there may be are held, or are on their way to a worker, or are being looked for. A
// raised limit is the only other way in which places come to be free: SetLimit, and then Offer.
//
// Workers with a mark get places in turn; within a worker the queue decides.
class InFlight {
 public:
  static constexpr size_t kMaxWorkers = 1024;

  explicit InFlight(uint32_t limit) : limit_(limit) {}
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;

  // A lowered limit leaves those that are under way; then no place is given out until enough are
  // back. After it Offer is called, once for each that waits, as long as it has an answer.
  void SetLimit(uint32_t limit) { limit_.store(limit); }

  // A place for one that comes. False: there is none, or others wait already.
  bool TakeAtOnce() { return waiting_.load() == 0 && Take(); }
  // A place for one that waits.
  bool Take();
  // A place, whether or not there is one. False: there was none.
  bool TakeAnyway() { return taken_.fetch_add(1) < limit_.load(); }

  // One more waits at `worker`, on whose thread this is. False: `most` wait already.
  bool BeginWait(size_t worker, uint32_t most);
  // One fewer, whatever became of it; `last`: nobody waits at that worker any more.
  void EndWait(size_t worker, bool last);

  // Gives a place back. If there is an answer, the place was taken again for one who waits there.
  [[nodiscard]] std::optional<size_t> Return();
  // Takes a place, if one is free, for a worker at which somebody waits.
  [[nodiscard]] std::optional<size_t> Offer();

  uint32_t taken() const { return taken_.load(); }
  uint32_t waiting() const { return waiting_.load(); }

 private:
  static constexpr size_t kBits = 64;

  std::optional<size_t> NextMarked();

  std::atomic<uint32_t> limit_;
  std::atomic<uint32_t> taken_{0};
  std::atomic<uint32_t> waiting_{0};
  std::atomic<uint32_t> turn_{0};  // the worker from which marks are looked for next
  std::array<std::atomic<uint64_t>, kMaxWorkers / kBits> marks_{};  // one bit for each worker
};

}  // namespace holdfast::policy

#endif  // HOLDFAST_GATEWAY_POLICY_IN_FLIGHT_H_
