#ifndef HOLDFAST_POOL_DNS_LOOKUP_QUEUE_H_
#define HOLDFAST_POOL_DNS_LOOKUP_QUEUE_H_

#include <cstddef>
#include <deque>
#include <list>
#include <memory>
#include <vector>

#include "pool/dns/lookup.h"

namespace holdfast::pool {

// The look-ups of one resolver: it owns them, lets them wait their turn, and counts the questions
// that have no reply yet.
//
// Thread: the loop's. It calls nobody. Destruction destroys the look-ups.
class LookupQueue {
 public:
  // Look-ups under way at a time; the others wait their turn. Each sends two datagrams, and all of
  // them together must fit into a server's socket buffer (some 190 with Linux' defaults).
  static constexpr size_t kMaxInFlight = 64;
  static constexpr size_t kMaxQuestions = 2 * kMaxInFlight;

  LookupQueue() = default;
  LookupQueue(const LookupQueue&) = delete;
  LookupQueue& operator=(const LookupQueue&) = delete;

  // Takes the look-up, which does not wait yet. Replies hold weak references to it, which end when
  // it is removed.
  Lookup& Add(std::shared_ptr<Lookup> lookup);
  // Puts a look-up of the queue last in line.
  void Wait(Lookup& lookup);
  bool waiting() const { return !line_.empty(); }
  // Starts the first in line; null: nobody waits, or there is no room for its questions.
  Lookup* StartNext();
  // Gives up a look-up that has its answer.
  std::shared_ptr<Lookup> Remove(Lookup& lookup);

  // Those that have been started and have no answer, oldest first.
  std::vector<Lookup*> Asked() const;
  size_t size() const { return lookups_.size(); }

  // A question was sent, or has its reply. Questions of look-ups that do not wait for the reply any
  // more count, too.
  void OnQuestion() { ++questions_; }
  void OnReply();
  // No question sent up to now will have a reply.
  void DropQuestions() { questions_ = 0; }

 private:
  std::list<std::shared_ptr<Lookup>> lookups_;
  std::deque<Lookup*> line_;
  size_t questions_ = 0;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_DNS_LOOKUP_QUEUE_H_
