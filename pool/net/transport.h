#ifndef HOLDFAST_POOL_NET_TRANSPORT_H_
#define HOLDFAST_POOL_NET_TRANSPORT_H_

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pool/net/clock.h"

namespace holdfast::pool {

class EventLoop;
class SlabPool;

enum class IoStatus : uint8_t {
  kOk,         // it is done; a read or write moved `bytes` > 0
  kBlocked,    // nothing now; `wants` says what has to come first
  kEnd,        // reads only: the peer sent its end, in good order
  kTruncated,  // reads only: the socket ended before the peer had said so (TLS without
               // close_notify)
  kFailed,     // `error` says why
};

// The readiness of the socket that a blocked call waits for. A read may wait until something can be
// written, and the reverse: TLS answers a key update before it goes on.
enum class Wants : uint8_t { kNothing, kRead, kWrite };

struct IoError {
  int system = 0;              // errno; 0 when the transport itself is at fault
  const char* word = nullptr;  // the transport's own name for it, static; null: errno says it all
};

struct IoResult {
  IoStatus status = IoStatus::kBlocked;
  Wants wants = Wants::kNothing;  // with kBlocked
  // With kOk: false when the socket is known to have been emptied (read) or filled (write) by this
  // call, so that the next attempt is worth nothing before new readiness. After Establish: bytes
  // may have come already; where the socket's end is not the peer's it is false only if the socket
  // was emptied.
  bool more = false;
  size_t bytes = 0;
  IoError error;
};

// What there is to be read, found without taking it.
enum class Quiet : uint8_t { kQuiet, kData, kEnd, kError };

// What an encrypted transport and its peer have agreed on; good until the connection ends.
struct SecureFacts {
  std::string_view version;  // "TLSv1.3"
  std::string_view cipher;
  std::string_view server_name;  // that the client has asked for; empty: none
  bool resumed = false;          // an earlier session
  bool verified = false;         // the client has shown a certificate, and it is good
};

// Who a client is by the certificate that it has shown, and that is good.
struct PeerIdentity {
  std::string subject;             // RFC 4514's form in printable ASCII
  std::vector<std::string> names;  // of subjectAltName: "dns:a.test", "uri:spiffe://..."; such
                                   // with anything but printable ASCII in them are left out
  std::string certificate;         // as a byte sequence of RFC 8941: DER in base64 between colons
  // As a list of those: what the client has sent to vouch for it. Empty for a resumed session,
  // which knows only the certificate.
  std::string chain;
  std::string fingerprint;  // SHA-256 of the certificate, hexadecimal
};

// The seam below HTTP: how bytes cross one socket. Plain TCP and UNIX sockets are the first
// implementation, TLS is the second. Loop thread; owned by its Connection; destruction closes the
// socket. No call blocks.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual int fd() const = 0;

  // The worker that it is at: its loop tells the time, its pool has the memory for bytes that are
  // inside. The Connection calls Arrive before anything else, and Leave, on the same thread, before
  // it gives the transport away. Both outlive the stay.
  virtual void Arrive(EventLoop* loop, SlabPool* slabs) = 0;
  virtual void Leave() = 0;

  // Goes on becoming usable, after the socket was found writable for the first time: plain asks how
  // the connect ended, TLS shakes hands. Called until it is kOk or kFailed.
  virtual IoResult Establish() = 0;
  // The protocol that both sides agreed on (ALPN, RFC 7301); empty when nobody asked.
  virtual std::string_view protocol() const = 0;

  // At least one piece and one byte; each is one system call at the most for a plain socket. A
  // Write that moved less than it was given, or was blocked, gets the same bytes first the next
  // time: they may be part of a record that has left in part.
  virtual IoResult Read(const iovec* pieces, int count) = 0;
  virtual IoResult Write(const iovec* pieces, int count) = 0;
  // Sends our end; what was written before still arrives. TLS says so to the peer first
  // (close_notify), which may be kBlocked: call again.
  virtual IoResult Shutdown() = 0;
  // The next Write is given the last bytes there are: what a transport says to the peer at the end
  // may leave with them.
  virtual void ExpectEnd() = 0;
  // The socket is closed right after this, which tells the peer of its end. A transport that has
  // more to say of it does so, as far as it can at once.
  virtual void SayEnd() = 0;

  // Looks at an idle connection. What is not data to whoever reads (session tickets, key updates)
  // is digested on the way and counts as kQuiet.
  virtual Quiet Inspect() = 0;
  // The end of the socket's stream (EPOLLRDHUP) is the peer's end in good order. False: only
  // reading, or Inspect, tells how it ended.
  virtual bool ends_with_socket() const = 0;

  // Bytes given to the socket so far, over all workers that this transport has been at, and how
  // many of them the peer's kernel has acknowledged (tcpi_bytes_acked, tcp(7)). nullopt: that can't
  // be known (UNIX sockets). Both count the same bytes: for TLS, what crosses the wire.
  virtual uint64_t wire_bytes_written() const = 0;
  virtual std::optional<uint64_t> wire_bytes_acknowledged() const = 0;

  // What crosses the wire can't be read on the way.
  virtual bool encrypted() const = 0;
  // Whether the client, as it was let in, may ask for this host: one that was checked for another
  // name may not (RFC 9110 section 7.4).
  virtual bool MayAskFor(std::string_view host) const = 0;

  // nullopt: it speaks in clear.
  virtual std::optional<SecureFacts> secure() const = 0;
  // Made when it is first asked for, and kept until the connection ends; `whole`: with what is long
  // (certificate, chain, fingerprint). Null: there is no certificate that was verified.
  virtual const PeerIdentity* identity(bool whole) = 0;

  // Nothing is buffered inside: it may travel to another worker.
  virtual bool Detachable() const = 0;
};

// How it came that a transport is established, or is not.
struct Handshake {
  const char* failure = nullptr;         // the transport's word; null: it is established
  const Transport* transport = nullptr;  // with no failure
  Duration took{0};                      // since the client was accepted, or the connect began
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_TRANSPORT_H_
