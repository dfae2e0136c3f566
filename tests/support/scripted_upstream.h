#ifndef HOLDFAST_TESTS_SUPPORT_SCRIPTED_UPSTREAM_H_
#define HOLDFAST_TESTS_SUPPORT_SCRIPTED_UPSTREAM_H_

#include <string>
#include <string_view>
#include <vector>

#include "tests/support/http_message.h"
#include "tests/support/wire.h"
#include "tests/support/wire_socket.h"

namespace holdfast::support {

// One connection from the gateway, answered by the test itself.
class UpstreamConnection : public WireSocket {
 public:
  explicit UpstreamConnection(int fd) : WireSocket(fd) {}

  Message Request() { return ReadRequest(*this); }
  // Reads one request and answers it.
  Message Answer(std::string_view response) {
    Message request = Request();
    Send(response);
    return request;
  }
};

// A listening socket whose connections the test accepts one after the other, so that it decides
// what happens between any two bytes. It runs on the test's own thread: an exchange goes
// client.Send, upstream.Accept, Request, Send, client.Response.
class ScriptedUpstream {
 public:
  explicit ScriptedUpstream(std::string_view bind = "127.0.0.1:0");
  ~ScriptedUpstream();
  ScriptedUpstream(const ScriptedUpstream&) = delete;
  ScriptedUpstream& operator=(const ScriptedUpstream&) = delete;

  int fd() const { return fd_; }
  // As an endpoint's address in a configuration.
  const std::string& address() const { return address_; }
  // Waits for a connection, and over TLS until it has shaken hands.
  UpstreamConnection Accept();
  // Nobody has connected that was not accepted.
  void ExpectNoConnection();
  // Connections are refused from now on.
  void StopListening();

 private:
  const Wire wire_ = CurrentWire();
  // Its port stays its own when it listens no more.
  const int held_;
  int fd_;
  std::string address_;
};

// An address for somebody to listen at later, who sets SO_REUSEADDR as servers do: nobody else gets
// its port as long as the test's process lives. Until then connections are refused.
std::string UnusedAddress();

}  // namespace holdfast::support

#endif  // HOLDFAST_TESTS_SUPPORT_SCRIPTED_UPSTREAM_H_
