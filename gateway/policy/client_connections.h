#ifndef HOLDFAST_GATEWAY_POLICY_CLIENT_CONNECTIONS_H_
#define HOLDFAST_GATEWAY_POLICY_CLIENT_CONNECTIONS_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gateway/policy/zeroed_pages.h"
#include "pool/net/socket_address.h"

namespace holdfast::policy {

// Door 6, too: how many connections each client has at each listener that limits them, for all
// workers together.
//
// A key is a listener and a client (ClientKey), and its count is one word, which Take and Return
// change by one compare-and-swap. Eight words make a set of 64 bytes, and a key belongs in one set,
// in a word of it that no other key needs. A count is never displaced, since whoever is counted
// will be taken off again: a client that finds no free word in its set is let in and not counted.
// There are twice as many words as `max_clients`; up to a quarter of them at a time that happens to
// fewer than one client in a thousand.
//
// Nobody gets more than the cap, whichever workers its connections come to at the same moment. Of
// those that come at one moment for the last places, all may be refused, if the client's first
// connections came to several workers at one moment, too.
//
// Thread: any, without a lock, but for construction and destruction. All memory is reserved by the
// constructor, and the kernel provides it as clients come. Calls back nobody.
class ClientConnections {
 public:
  static constexpr size_t kMaxClients = size_t{1} << 19;
  static constexpr uint32_t kMostConnections = 1'000'000;  // of one client

  // Where a connection is counted. It goes back by Return, exactly once; kNowhere needs not.
  enum class Place : uint32_t { kNowhere = 0 };
  enum class Verdict : uint8_t {
    kCounted,
    kRefused,    // the client has as many as it may
    kNoRoom,     // nothing is counted, for want of a word
    kNoAddress,  // nothing is counted, because the client has no IP address
  };

  // `max_clients` is in [1, 2^28].
  explicit ClientConnections(size_t max_clients = kMaxClients);
  ClientConnections(const ClientConnections&) = delete;
  ClientConnections& operator=(const ClientConnections&) = delete;

  // One more connection of the client at the listener of this name, where it may have `cap`, in
  // [1, kMostConnections]. `*place` is set if it is counted.
  Verdict Take(std::string_view listener, const pool::SocketAddress& client, uint32_t cap,
               Place* place);
  // The same by a hash with a secret seed.
  Verdict Take(uint64_t key, uint32_t cap, Place* place);
  // The connection that took the place has ended.
  void Return(Place place);

  // Whether the kernel let it reserve its memory. Where not, nothing may be asked but bytes().
  bool has_memory() const { return sets_ != nullptr; }
  // What it reserves.
  size_t bytes() const { return set_count_ * sizeof(Set); }
  // All connections that are counted now; for tests, since it looks at every word.
  uint64_t counted() const;

 private:
  // A word is 40 bits of a tag and below them a count. All zero: nobody's.
  struct alignas(64) Set {
    uint64_t words[8];
  };
  // What a set has of one key, and where one more of it can be counted.
  struct Look {
    uint64_t counted = 0;
    uint64_t* word = nullptr;  // null: nowhere
    uint64_t seen = 0;         // its value
  };

  static Look LookFor(uint64_t tag, Set* set);
  uint64_t& WordAt(Place place) const;
  Place PlaceOf(const uint64_t* word) const;

  const uint64_t seed_;
  const size_t set_count_;
  const ZeroedPages pages_;
  Set* const sets_;
};

}  // namespace holdfast::policy

#endif  // HOLDFAST_GATEWAY_POLICY_CLIENT_CONNECTIONS_H_
