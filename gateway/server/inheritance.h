#ifndef HOLDFAST_GATEWAY_SERVER_INHERITANCE_H_
#define HOLDFAST_GATEWAY_SERVER_INHERITANCE_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "pool/net/socket.h"

// How one process hands its listening sockets to the next (gateway/server/upgrade.h): as inherited
// descriptors that an environment variable names.

namespace holdfast::server {

// Sockets to hand over, as descriptors of this process, which stay its own.
struct Legacy {
  std::map<std::string, std::vector<int>> listeners;  // by ListenerKey
  int status = -1;                                    // -1: there is none
};

// What this process was given by the one whose place it takes.
struct Inheritance {
  static constexpr char kVariable[] = "HOLDFAST_INHERIT";

  std::map<std::string, std::vector<pool::FileDescriptor>> listeners;  // by ListenerKey
  pool::FileDescriptor status;
  // Of a pipe; -1: this process takes nobody's place. Only TellReady closes it: else its end is the
  // end of this process, which is what the old one takes it for.
  int ready = -1;

  bool empty() const { return ready < 0; }
  // The sockets of the listener with this key or, if it has another name now, this address. None if
  // there are none.
  std::vector<pool::FileDescriptor> TakeListener(const std::string& key,
                                                 const pool::SocketAddress& address);
  // Invalid unless it is bound to `address`, of which port 0 is any.
  pool::FileDescriptor TakeStatus(const pool::SocketAddress& address);
  // Tells the process before this one that it may go.
  void TellReady();
};

// The value of kVariable, of words such as "ready:5 status:6 listener:edge%20%3A8080:7,8".
std::string FormatInheritance(const Legacy& legacy, int ready);
// Takes possession of the descriptors, which are made close-on-exec. An error, with all of them
// left alone, when they are not what they should be.
absl::StatusOr<Inheritance> ParseInheritance(std::string_view text);
// The same from the environment, where the variable is then removed; empty without it. To be called
// while there is one thread.
absl::StatusOr<Inheritance> TakeInheritance();

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_INHERITANCE_H_
