#include "tests/pool/tls/support/tls_peer.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "pool/net/check.h"
#include "tests/pool/net/socket_pair.h"

namespace holdfast::pool {
namespace {

int KeepSession(SSL* ssl, SSL_SESSION* session) {
  static_cast<SessionPtr*>(SSL_get_app_data(ssl))->reset(session);
  return 1;
}

int TakeAny(int, X509_STORE_CTX*) { return 1; }

}  // namespace

SslContextPtr TlsPeer::ContextFor(const Options& options) {
  if (options.like != nullptr) {
    SSL_CTX_up_ref(options.like->context_.get());
    return SslContextPtr(options.like->context_.get());
  }
  SslContextPtr made(SSL_CTX_new(options.server ? TLS_server_method() : TLS_client_method()));
  SSL_CTX* const context = made.get();
  HOLDFAST_CHECK(context != nullptr);
  if (options.version != 0) {
    SSL_CTX_set_min_proto_version(context, options.version);
    SSL_CTX_set_max_proto_version(context, options.version);
  }
  if (!options.ciphers.empty()) SSL_CTX_set_cipher_list(context, options.ciphers.c_str());
  if (!options.groups.empty()) SSL_CTX_set1_groups_list(context, options.groups.c_str());
  if (!options.signatures.empty()) SSL_CTX_set1_sigalgs_list(context, options.signatures.c_str());
  if (options.certificate != nullptr) {
    SSL_CTX_use_cert_and_key(context, options.certificate->certificate.get(),
                             options.certificate->key.get(), nullptr, 1);
  }
  if (!options.more_chain.empty()) {
    const BioPtr bio(BIO_new_mem_buf(options.more_chain.data(), -1));
    while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
      SSL_CTX_add0_chain_cert(context, next);
    }
    ERR_clear_error();
  }
  if (options.asks_for_certificate) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, TakeAny);
  }
  if (!options.alpn.empty() && !options.server) {
    SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(options.alpn.data()),
                            static_cast<unsigned>(options.alpn.size()));
  }
  SSL_CTX_set_session_cache_mode(
      context, options.server ? SSL_SESS_CACHE_OFF
                              : SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
  if (!options.server) SSL_CTX_sess_set_new_cb(context, KeepSession);
  if (options.more) options.more(context);
  return made;
}

TlsPeer::TlsPeer(const Options& options)
    : context_(ContextFor(options)), ssl_(SSL_new(context_.get())) {
  from_ = BIO_new(BIO_s_mem());
  to_ = BIO_new(BIO_s_mem());
  BIO_set_mem_eof_return(from_, -1);
  SSL_set_bio(ssl_.get(), from_, to_);
  SSL_set_app_data(ssl_.get(), &session_);
  if (options.server) {
    SSL_set_accept_state(ssl_.get());
  } else {
    SSL_set_connect_state(ssl_.get());
    if (!options.server_name.empty()) {
      SSL_set_tlsext_host_name(ssl_.get(), options.server_name.c_str());
    }
    if (options.session != nullptr) SSL_set_session(ssl_.get(), options.session);
  }
}

void TlsPeer::Note(int result) {
  const int error = SSL_get_error(ssl_.get(), result);
  if (error == SSL_ERROR_SSL && error_.empty()) {
    const char* reason = ERR_reason_error_string(ERR_peek_error());
    error_ = reason != nullptr ? reason : "unknown";
  }
  ERR_clear_error();
}

void TlsPeer::Feed(std::string_view wire) {
  if (!wire.empty()) BIO_write(from_, wire.data(), static_cast<int>(wire.size()));
}

std::string TlsPeer::Take() {
  std::string wire(static_cast<size_t>(BIO_pending(to_)), '\0');
  if (!wire.empty()) BIO_read(to_, wire.data(), static_cast<int>(wire.size()));
  return wire;
}

bool TlsPeer::Handshake() {
  ERR_clear_error();
  if (!handshaken() && error_.empty()) Note(SSL_do_handshake(ssl_.get()));
  return handshaken();
}

std::string TlsPeer::Data(std::string_view plain) {
  ERR_clear_error();
  while (!plain.empty()) {
    const int put = SSL_write(ssl_.get(), plain.data(), static_cast<int>(plain.size()));
    if (put <= 0) {
      Note(put);
      break;
    }
    plain.remove_prefix(static_cast<size_t>(put));
  }
  return Take();
}

std::string TlsPeer::KeyUpdate(bool ask) {
  SSL_key_update(ssl_.get(), ask ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
  Note(SSL_do_handshake(ssl_.get()));
  return Take();
}

std::string TlsPeer::Ticket() {
  SSL_new_session_ticket(ssl_.get());
  Note(SSL_do_handshake(ssl_.get()));
  return Take();
}

std::string TlsPeer::End() {
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
  return Take();
}

std::string TlsPeer::Renegotiation() {
  SSL_renegotiate(ssl_.get());
  Note(SSL_do_handshake(ssl_.get()));
  return Take();
}

std::string TlsPeer::Read() {
  char bytes[16 * 1024];
  ERR_clear_error();
  while (handshaken()) {
    const int got = SSL_read(ssl_.get(), bytes, sizeof(bytes));
    if (got <= 0) {
      Note(got);
      break;
    }
    read_.append(bytes, static_cast<size_t>(got));
  }
  return std::exchange(read_, {});
}

bool TlsPeer::Turn(const FileDescriptor& socket, size_t step) {
  bool ended = false;
  Feed(ReceiveSome(socket, &ended));
  if (Handshake()) read_ = Read();
  const std::string wire = Take();
  for (size_t at = 0; at < wire.size();) {
    const size_t bytes = step == 0 ? wire.size() : std::min(step, wire.size() - at);
    SendAll(socket, std::string_view(wire).substr(at, bytes));
    at += bytes;
  }
  return !ended;
}

}  // namespace holdfast::pool
