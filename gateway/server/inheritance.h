#ifndef HOLDFAST_GATEWAY_SERVER_INHERITANCE_H_
#define HOLDFAST_GATEWAY_SERVER_INHERITANCE_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "pool/net/socket.h"

// How one process hands its listening sockets to the next (gateway/server/upgrade.h): the next one
// inherits the descriptors, and an environment variable names them.

namespace holdfast::server {

// Sockets to hand over, as descriptors that this process keeps.
struct Legacy {
  std::map<std::string, std::vector<int>> listeners;  // by ListenerKey
  int status = -1;                                    // -1: there is none
  int tickets = -1;                                   // a legacy file; -1: there is none
};

// What this process got from the one whose place it takes.
struct Inheritance {
  static constexpr char kVariable[] = "HOLDFAST_INHERIT";
  // The number of the legacy file (legacy_file.h), which once had tickets' keys alone, in a
  // variable of its own that programs of before do not read.
  static constexpr char kTicketsVariable[] = "HOLDFAST_INHERIT_TICKETS";

  std::map<std::string, std::vector<pool::FileDescriptor>> listeners;  // by ListenerKey
  pool::FileDescriptor status;
  pool::FileDescriptor tickets;  // a legacy file; invalid: there is none
  // The end of a pipe; -1: this process takes nobody's place. Only TellReady closes it, because the
  // old process takes any other end of the pipe for the end of this process.
  int ready = -1;

  bool empty() const { return ready < 0; }
  // The sockets of the listener with this key or, if it has another name now, with this address;
  // empty if there are none.
  std::vector<pool::FileDescriptor> TakeListener(const std::string& key,
                                                 const pool::SocketAddress& address);
  // The status port's socket; invalid unless it is bound to `address`, where port 0 is any port.
  pool::FileDescriptor TakeStatus(const pool::SocketAddress& address);
  // Tells the process before this one that it may go.
  void TellReady();
};

// The value of kVariable: words such as "ready:5 status:6 listener:edge%20%3A8080:7,8".
std::string FormatInheritance(const Legacy& legacy, int ready);
// Takes possession of the descriptors and makes them close-on-exec. If they are not what they
// should be it gives an error and leaves all of them alone.
absl::StatusOr<Inheritance> ParseInheritance(std::string_view text);
// Reads the variables from the environment and removes them there; empty without kVariable. Called
// while there is only one thread.
absl::StatusOr<Inheritance> TakeInheritance();

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_INHERITANCE_H_
