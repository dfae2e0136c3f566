#ifndef HOLDFAST_TESTS_POOL_TLS_SUPPORT_TLS_PEER_H_
#define HOLDFAST_TESTS_POOL_TLS_SUPPORT_TLS_PEER_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "pool/net/socket.h"
#include "pool/tls/openssl_ptr.h"
#include "tests/pool/tls/support/test_certificates.h"

namespace holdfast::pool {

// The other side of a TLS connection, played with the library itself but without a socket: what it
// says comes as bytes, to be sent whole, in pieces or not at all.
class TlsPeer {
 public:
  struct Options {
    bool server = false;
    std::string server_name;              // SNI of a client
    const Issued* certificate = nullptr;  // its own
    std::string more_chain;               // PEM that it sends after it
    bool asks_for_certificate = false;    // of a client
    int version = 0;                      // TLS1_2_VERSION or TLS1_3_VERSION; 0: both
    std::string ciphers;                  // of TLS 1.2
    std::string groups;
    std::string signatures;  // algorithms
    std::string alpn;        // ALPN's form
    std::function<void(SSL_CTX*)> more;
    SSL_SESSION* session = nullptr;  // to resume
    // Takes the settings of this one, which was made for the same side: of the options above, all
    // but the name and the session.
    const TlsPeer* like = nullptr;
  };

  explicit TlsPeer(const Options& options);

  // What came from the other side.
  void Feed(std::string_view wire);
  // What it has to say, since the last call.
  std::string Take();
  // Goes on with the handshake as far as it can; true once that is done.
  bool Handshake();
  bool server() const { return SSL_is_server(ssl_.get()) == 1; }
  bool handshaken() const { return SSL_is_init_finished(ssl_.get()) == 1; }

  // The bytes on the wire for these.
  std::string Data(std::string_view plain);
  std::string KeyUpdate(bool ask);
  std::string Ticket();
  std::string End();
  std::string Renegotiation();

  // What it has been told, since the last call.
  std::string Read();
  // The other side has sent close_notify.
  bool heard_end() const { return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }
  // The library's word for what went wrong; empty: nothing did.
  const std::string& error() const { return error_; }
  // The latest session it was given; null: none.
  SSL_SESSION* session() const { return session_.get(); }
  bool resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
  SSL* ssl() const { return ssl_.get(); }

  // Receives what is there, goes on, and sends what it has to say, `step` bytes at a time (0: all
  // at once). False: the other side has ended.
  bool Turn(const FileDescriptor& socket, size_t step = 0);

 private:
  static SslContextPtr ContextFor(const Options& options);
  void Note(int result);

  SslContextPtr context_;
  SslPtr ssl_;
  SessionPtr session_;
  BIO* from_ = nullptr;
  BIO* to_ = nullptr;
  std::string read_;
  std::string error_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_TESTS_POOL_TLS_SUPPORT_TLS_PEER_H_
