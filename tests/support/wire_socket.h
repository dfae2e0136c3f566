#ifndef HOLDFAST_TESTS_SUPPORT_WIRE_SOCKET_H_
#define HOLDFAST_TESTS_SUPPORT_WIRE_SOCKET_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "tests/support/deadline.h"
#include "tests/support/wire_tls.h"

namespace holdfast::support {

// How the bytes of a connection ended. kCut: over TLS, by a FIN without a close_notify before it.
enum class StreamEnd { kOpen, kClosed, kReset, kCut };
std::ostream& operator<<(std::ostream& out, StreamEnd end);

// One end of a connection in a test's hands: sends exactly the bytes it is told to, reads with
// deadlines, and ends the connection in every way there is. What must not happen (a deadline, an
// end in the middle of what is awaited) fails the test and returns what there is.
//
// Once it speaks TLS, bytes are those inside, and an end in good order is a close_notify and a FIN,
// on either side.
//
// One thread at a time. Destruction closes.
class WireSocket {
 public:
  WireSocket() = default;
  explicit WireSocket(int fd);  // takes ownership
  ~WireSocket() { Close(); }
  WireSocket(WireSocket&& other) noexcept;
  WireSocket& operator=(WireSocket&& other) noexcept;

  // Speaks TLS from now on, after a handshake. False: the peer has left in the middle of it, or the
  // deadline came.
  bool BeginTls(TlsSide side, const Deadline& deadline = Deadline());

  bool open() const { return fd_ >= 0; }
  int fd() const { return fd_; }

  // All of `bytes`.
  void Send(std::string_view bytes);
  // As much as is taken without waiting; stops at an error.
  size_t TrySend(std::string_view bytes);
  // As Send, but a peer that has closed or does not read is not this test's failure: false then.
  bool SendIfWanted(std::string_view bytes, const Deadline& deadline = Deadline());

  // Through the end of `delimiter`.
  std::string ReadUntil(std::string_view delimiter);
  std::string ReadBytes(size_t bytes);
  // At least one byte, at most `limit`.
  std::string ReadSome(size_t limit);
  // Everything up to the end, which `*end` says (kOpen: none came before the deadline).
  std::string ReadToEnd(StreamEnd* end);
  // What is there, without waiting; `*end` says whether more may come.
  std::string ReadNow(StreamEnd* end);
  // Reads and drops `bytes`.
  void Discard(size_t bytes);

  // The peer closes in order, and nothing comes before that.
  void ExpectClosed();
  // The peer resets the connection; bytes may come before that.
  void ExpectReset();
  // Nothing was received that has not been read, neither bytes nor an end.
  void ExpectQuiet();
  // Waits for the next byte or end and tells which; the byte stays to be read.
  StreamEnd AwaitInput();
  bool has_input() const { return !buffered_.empty(); }

  void ShutdownWrite();
  void Close();
  // Closes with a reset (SO_LINGER 0).
  void Reset();
  // Over TLS as many a peer closes: without close_notify. Otherwise as Close.
  void Cut();
  // Over TLS: what is nobody's data, a key update and from a server a session ticket. Otherwise
  // nothing.
  void SendAside();
  // Over TLS: close_notify, but no FIN.
  void SendCloseNotify();

 private:
  // Reads more into buffered_ once there is any; kOpen with no growth means the deadline.
  StreamEnd Fill(const Deadline& deadline);
  StreamEnd FillFromTls(const Deadline& deadline);
  // Receives records once; nullopt: some came.
  std::optional<StreamEnd> FeedTls(const Deadline& deadline);
  // What TLS has to say, as much as is taken without waiting. False: some is left, and errno says
  // why.
  bool FlushTls();

  int fd_ = -1;
  std::string buffered_;
  std::unique_ptr<pool::TlsPeer> tls_;
  std::string sealed_;  // records that have not left
};

struct ConnectOptions {
  int receive_buffer = 0;     // SO_RCVBUF, 0: the system's
  std::string local_address;  // "" or an IP literal to connect from
};
// To "127.0.0.1:80", "[::1]:80" or "unix:/path". Fails the test when nobody listens.
WireSocket Connect(std::string_view address, const ConnectOptions& options = {});
// Whether somebody listens there yet; connects to see, and leaves at once.
bool Accepts(std::string_view address);

// Listens on an address as above, port 0 for any free one; -1 and a failed test if it cannot.
int Listen(std::string_view address, int backlog = 512);
// A socket that is bound as above, for a test that is to have its port whether or not somebody
// listens there: who asks for any port does not get this one, who names it may listen at it, and
// otherwise connections are refused. -1 for what is no port.
int HoldPort(std::string_view address);
// The address a socket is bound to, as Connect takes it.
std::string LocalAddress(int fd);

}  // namespace holdfast::support

#endif  // HOLDFAST_TESTS_SUPPORT_WIRE_SOCKET_H_
