#ifndef HOLDFAST_POOL_PEERS_H_
#define HOLDFAST_POOL_PEERS_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "pool/net/check.h"
#include "pool/net/mailbox.h"

namespace holdfast::pool {

// Where a worker posts to the others. The main thread fills it in before the workers run and
// empties it after they were joined; a letter to nobody is dropped. Any thread reads it.
struct Peers {
  std::vector<Mailbox*> mailboxes;  // by worker

  void Post(size_t worker, Mailbox::Letter letter) const {
    if (worker >= mailboxes.size()) return;
    HOLDFAST_CHECK(mailboxes[worker] != nullptr);
    mailboxes[worker]->Post(std::move(letter));
  }
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_PEERS_H_
