#ifndef HOLDFAST_POOL_NET_EVENT_QUEUE_H_
#define HOLDFAST_POOL_NET_EVENT_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace holdfast::pool {

// Receives readiness of one descriptor. Called on the loop's thread only.
class EventHandler {
 public:
  EventHandler() = default;
  EventHandler(const EventHandler&) = delete;
  EventHandler& operator=(const EventHandler&) = delete;
  // `events` is epoll's mask. The handler may unregister and destroy itself or any other handler.
  virtual void OnEvents(uint32_t events) = 0;

 protected:
  ~EventHandler() = default;

 private:
  friend class EventQueue;
  uint32_t place_ = 0;  // in the queue, counted from 1; 0: it does not wait there
};

// Handlers that wait for their turn, first come first served. One that waits already keeps its
// place and hears of everything at once. A member of its loop; one thread. A handler is dropped
// before it is destroyed.
class EventQueue {
 public:
  bool empty() const { return size_ == 0; }
  // How many it holds before it asks for more memory.
  size_t room() const { return ring_.size(); }
  void Add(EventHandler* handler, uint32_t events);
  // Hands the first one its events. Not when the queue is empty.
  void ServeNext();
  void Drop(EventHandler* handler);

 private:
  // More room than this is given back as soon as nobody waits.
  static constexpr size_t kKeptRoom = 1024;

  struct Entry {
    EventHandler* handler = nullptr;  // null: it was dropped
    uint32_t events = 0;
  };

  void Grow();
  void Forget();

  std::vector<Entry> ring_;  // as long as a power of two
  size_t first_ = 0;
  size_t length_ = 0;  // from first_ on, with what was dropped
  size_t size_ = 0;    // of them those that wait
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_EVENT_QUEUE_H_
