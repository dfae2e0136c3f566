#include "pool/tls/tls_client_context.h"

#include <utility>

#include <absl/container/flat_hash_map.h>
#include <openssl/err.h>

#include "pool/net/check.h"
#include "pool/tls/context_setup.h"
#include "pool/tls/openssl_ptr.h"
#include "pool/tls/tls_parsed.h"

namespace holdfast::pool {
namespace {

// 1: it is taken.
int OnNewSession(SSL* ssl, SSL_SESSION* session) {
  auto* const sink = static_cast<TlsSessionSink*>(SSL_get_app_data(ssl));
  if (sink == nullptr || SSL_SESSION_is_resumable(session) != 1) return 0;
  sink->sessions->Keep(sink->endpoint, session);
  return 1;
}

// A resumed session does not verify the certificate again, which may have ended since.
bool StillValid(const SSL_SESSION* session) {
  const X509* peer = SSL_SESSION_get0_peer(const_cast<SSL_SESSION*>(session));
  return peer == nullptr || X509_cmp_current_time(X509_get0_notAfter(peer)) > 0;
}

}  // namespace

struct TlsClientSessions::Table {
  absl::flat_hash_map<SocketAddress, SessionPtr> by_endpoint;
};

TlsClientSessions::TlsClientSessions() : table_(std::make_unique<Table>()) {}
TlsClientSessions::~TlsClientSessions() = default;

size_t TlsClientSessions::size() const { return table_->by_endpoint.size(); }

ssl_session_st* TlsClientSessions::Find(const SocketAddress& endpoint) const {
  const auto found = table_->by_endpoint.find(endpoint);
  return found != table_->by_endpoint.end() ? found->second.get() : nullptr;
}

void TlsClientSessions::Keep(const SocketAddress& endpoint, ssl_session_st* session) {
  HOLDFAST_CHECK(session != nullptr);
  auto& sessions = table_->by_endpoint;
  if (sessions.size() >= kMaxSessions && !sessions.contains(endpoint)) {
    sessions.erase(sessions.begin());
  }
  sessions[endpoint].reset(session);
}

void TlsClientSessions::Drop(const SocketAddress& endpoint) { table_->by_endpoint.erase(endpoint); }

struct TlsClientContext::Library {
  SslContextPtr context;
};

std::shared_ptr<TlsClientContext> TlsClientContext::Make(
    std::shared_ptr<const TlsClientMaterial> material) {
  return std::shared_ptr<TlsClientContext>(new TlsClientContext(std::move(material)));
}

TlsClientContext::TlsClientContext(std::shared_ptr<const TlsClientMaterial> material)
    : material_(std::move(material)), library_(std::make_unique<Library>()) {
  HOLDFAST_CHECK(material_ != nullptr);
  absl::StatusOr<SslContextPtr> context = MakeClientContext(*material_);
  HOLDFAST_CHECK(context.ok());  // It was, when the material was loaded.
  library_->context = std::move(*context);
  SSL_CTX* const raw = library_->context.get();
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(raw, OnNewSession);
}

TlsClientContext::~TlsClientContext() = default;

ssl_st* TlsClientContext::NewConnection(TlsSessionSink* sink) {
  HOLDFAST_CHECK(sink != nullptr);
  ERR_clear_error();
  SSL* const ssl = SSL_new(library_->context.get());
  if (ssl == nullptr) return nullptr;
  SSL_set_connect_state(ssl);
  SSL_set_app_data(ssl, sink);
  const TlsSettings& settings = material_->settings();
  const std::string& name = settings.server_name;
  // RFC 6066 section 3: addresses are not asked for.
  if (!name.empty() && !SocketAddress::FromIp(name, 0).has_value()) {
    SSL_set_tlsext_host_name(ssl, name.c_str());
  }
  if (name.empty() && settings.verify == TlsVerify::kFull) {
    // Nothing else is known of the peer. A UNIX socket has no address to be verified.
    const std::string address = sink->endpoint.is_ip() ? sink->endpoint.Ip() : "0.0.0.0";
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), address.c_str());
  }
  SSL_SESSION* const session = sink->sessions->Find(sink->endpoint);
  if (session != nullptr && StillValid(session)) SSL_set_session(ssl, session);
  return ssl;
}

void TlsClientContext::ForgetSink(ssl_st* connection) { SSL_set_app_data(connection, nullptr); }

}  // namespace holdfast::pool
