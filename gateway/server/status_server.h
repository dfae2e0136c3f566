#ifndef HOLDFAST_GATEWAY_SERVER_STATUS_SERVER_H_
#define HOLDFAST_GATEWAY_SERVER_STATUS_SERVER_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/http/message.h"
#include "gateway/http/parser.h"
#include "pool/net/acceptor.h"
#include "pool/net/connection.h"
#include "pool/net/event_loop.h"
#include "pool/net/intrusive_list.h"

namespace holdfast::server {

struct StatusReply {
  int status = 200;
  std::string_view content_type = "text/plain; charset=utf-8";
  // Of an error: its word. The body is then one sentence about it, which becomes the detail line of
  // an error's usual body.
  std::string_view reason = "";
  std::string body;
};

// A small HTTP/1.1 server for probes and scrapes: GET and HEAD, no bodies, keep-alive, a few
// connections at a time. It shares the gateway's strict parser and nothing of its request path, so
// it answers when that is in trouble.
//
// Anybody nearby may connect to it, so no address has all of its places, and when they are taken
// the connection that has said nothing for longest gives way. When each has sent something, the
// address with the most gives one up to an address with fewer, so that however few addresses hold
// all places, another one is served. There are enough of them that a probe has its time between
// connecting and asking, even beside a neighbour that opens thousands of connections a second.
//
// Main thread. Destruction closes everything.
class StatusServer final : private pool::AcceptorEvents {
 public:
  // How many connections there may be: at least, and with descriptors to spare. One address has at
  // most three in four.
  static constexpr size_t kMinConnections = 64;
  static constexpr size_t kMaxConnections = 512;
  // For a request to arrive and its answer to be read, and between requests.
  static constexpr pool::Duration kTimeout = std::chrono::seconds(30);

  using Handler = std::function<StatusReply(std::string_view path)>;

  // Everything given outlives it.
  StatusServer(pool::EventLoop* loop, pool::SlabPool* slabs, pool::FileDescriptor socket,
               Handler handler, size_t max_connections = kMinConnections);
  ~StatusServer();

  // Of the listening socket.
  int fd() const { return acceptor_.fd(); }

 private:
  class Session;

  void OnAccept(pool::FileDescriptor socket, const pool::SocketAddress& peer) override;
  void OnAcceptError(int) override {}
  bool MayAccept() override { return true; }
  // False when the newcomer is to be turned away.
  bool MakeRoomFor(std::string_view host);
  size_t CountOf(std::string_view host) const;
  // Of the address that has the most, if that is more than a newcomer's `own` would be.
  Session* SpareFor(size_t own);

  pool::EventLoop* loop_;
  pool::SlabPool* slabs_;
  Handler handler_;
  const size_t max_connections_;
  pool::IntrusiveList<Session> sessions_;
  pool::Acceptor acceptor_;
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_STATUS_SERVER_H_
