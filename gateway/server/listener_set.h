#ifndef HOLDFAST_GATEWAY_SERVER_LISTENER_SET_H_
#define HOLDFAST_GATEWAY_SERVER_LISTENER_SET_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/statusor.h>

#include "gateway/config/config.h"
#include "gateway/server/inheritance.h"
#include "gateway/server/listener_sockets.h"

namespace holdfast::server {

using BoundListeners = std::map<std::string, BoundListener>;  // by ListenerKey

// The process's listening sockets across its configurations: binds them, takes those that another
// process has left, and keeps a copy of each that the workers accept on. A listener that a reload
// renames, and one that comes back before the workers have closed it, is given copies, so that no
// client that waits in a queue is lost.
//
// Main thread; owned by the server. The sockets that BindNew returns are the caller's, the copies
// are the set's. Destruction closes the copies.
class ListenerSet {
 public:
  explicit ListenerSet(Inheritance inheritance) : inheritance_(std::move(inheritance)) {}
  ListenerSet(const ListenerSet&) = delete;
  ListenerSet& operator=(const ListenerSet&) = delete;

  // This process takes the place of another one.
  bool inherits() const { return !inheritance_.empty(); }
  // Closes what was inherited and has not been taken.
  void DropInheritance();
  // What that one says in secret (legacy_file.h); invalid: nothing.
  pool::FileDescriptor TakeTickets() { return std::move(inheritance_.tickets); }
  // Tells the process before this one that it may go. Once; nothing without one.
  void TellReady() { inheritance_.TellReady(); }

  // Sockets, as many as `workers` at least, for each listener of `config` that the set has not:
  // inherited, copied or bound. The set keeps what it has whether or not that fails; the error says
  // which listener, which address and why.
  absl::StatusOr<BoundListeners> BindNew(const config::Config& config, size_t workers);
  // For the status port; invalid when there is to be none.
  absl::StatusOr<pool::FileDescriptor> BindStatus(const config::Config& config);

  // From now on the listeners are those of `config`: takes the copies out of `bound`, which BindNew
  // made of it. Those that go are kept until OnAdopted says that the workers have closed theirs.
  void Adopt(const config::Config& config, BoundListeners* bound, uint64_t publication);
  // Every worker has let go of what the publication with this number does not have.
  void OnAdopted(uint64_t publication);

  // Logs where something listens, and remembers it.
  void Announce(const std::string& name, const pool::SocketAddress& address);
  // As announced, by the listener's name and "status".
  const std::map<std::string, std::string>& addresses() const { return addresses_; }

  // The copies, as descriptors that stay the set's, for the process that takes our place.
  std::map<std::string, std::vector<int>> Descriptors() const;
  // The process accepts no more.
  void Close();

 private:
  struct Present {
    pool::SocketAddress address;  // as configured
    std::vector<pool::FileDescriptor> copies;
  };
  struct Leaving {
    std::vector<pool::FileDescriptor> copies;
    uint64_t publication;
  };

  absl::StatusOr<std::vector<pool::FileDescriptor>> SocketsHeld(const config::Listener& listener);
  // Sockets of ours listen on this port of another address, or have just done so.
  bool IsOurPort(const pool::SocketAddress& address) const;
  void NotePort(const pool::SocketAddress& address);

  Inheritance inheritance_;
  std::map<std::string, Present> present_;  // by ListenerKey
  std::vector<Leaving> leaving_;
  std::map<std::string, std::string> addresses_;
  std::set<uint16_t> ports_;  // that we listen on, or did
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_LISTENER_SET_H_
