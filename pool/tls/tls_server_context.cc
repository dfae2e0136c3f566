#include "pool/tls/tls_server_context.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include "pool/net/check.h"
#include "pool/tls/context_setup.h"
#include "pool/tls/tls_parsed.h"

namespace holdfast::pool {

using CipherPtr = OpenSslPtr<EVP_CIPHER, &EVP_CIPHER_free>;

// What a context of the library knows of ours; its address is the context's app data.
struct ServerHost {
  TlsServerContext* owner;
  const VirtualHost* host;
  SslContextPtr context;
};

struct TlsServerContext::Hosts {
  std::vector<std::unique_ptr<ServerHost>> all;  // as in the material: the default first
  std::string protocols;                         // ALPN's form
  CipherPtr ticket_cipher;                       // fetched once: fetching takes locks
  std::map<std::string, SslContextPtr, std::less<>> challenges;  // by the name in lower case
};

namespace {

const ServerHost& HostOf(const SSL* ssl) {
  const auto* host = static_cast<ServerHost*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  HOLDFAST_CHECK(host != nullptr);
  return *host;
}

// The host name of the hello's server_name extension (RFC 6066 section 3); empty: none.
std::string_view AskedName(SSL* ssl) {
  const unsigned char* data = nullptr;
  size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) != 1) return {};
  constexpr size_t kHeader = 5;  // the list's length, the kind of name, its length
  if (size < kHeader || data[2] != TLSEXT_NAMETYPE_host_name) return {};
  const size_t length = (static_cast<size_t>(data[3]) << 8) | data[4];
  if (length > size - kHeader) return {};
  return {reinterpret_cast<const char*>(data) + kHeader, length};
}

// Whether the hello asks for kChallengeProtocol and for nothing else (RFC 8737 section 3).
bool AsksForChallenge(SSL* ssl) {
  const unsigned char* data = nullptr;
  size_t size = 0;
  const unsigned alpn = TLSEXT_TYPE_application_layer_protocol_negotiation;
  if (SSL_client_hello_get0_ext(ssl, alpn, &data, &size) != 1) return false;
  constexpr size_t kHeader = 3;  // the list's length, the name's
  return size == kHeader + kChallengeProtocol.size() && data[2] == kChallengeProtocol.size() &&
         std::string_view(reinterpret_cast<const char*>(data) + kHeader,
                          kChallengeProtocol.size()) == kChallengeProtocol;
}

int ChooseChallenge(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char*,
                    unsigned, void*) {
  *out = reinterpret_cast<const unsigned char*>(kChallengeProtocol.data());
  *out_size = static_cast<unsigned char>(kChallengeProtocol.size());
  return SSL_TLSEXT_ERR_OK;
}

// A name that is allowed whole, and no name that can be read in two ways.
bool HasAllowedName(X509* certificate, const std::vector<std::string>& allowed) {
  bool nul = false;
  const std::vector<std::string> names = SubjectNames(certificate, &nul);
  if (nul) return false;
  if (allowed.empty()) return true;
  return std::ranges::any_of(names, [&](const std::string& name) {
    return std::ranges::find(allowed, name) != allowed.end();
  });
}

int VerifyClient(int ok, X509_STORE_CTX* verification) {
  if (ok != 1 || X509_STORE_CTX_get_error_depth(verification) != 0) return ok;
  const int index = SSL_get_ex_data_X509_STORE_CTX_idx();
  const auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(verification, index));
  const ServerHost& host = HostOf(ssl);
  const auto& auth = host.owner->material().parsed().policies[host.host->policy].auth;
  X509* certificate = X509_STORE_CTX_get_current_cert(verification);
  if (auth.has_value() && HasAllowedName(certificate, auth->allow_san)) return 1;
  X509_STORE_CTX_set_error(verification, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

int ChooseProtocol(SSL*, const unsigned char** out, unsigned char* out_size,
                   const unsigned char* in, unsigned in_size, void* wire) {
  const auto& ours = *static_cast<const std::string*>(wire);
  unsigned char* chosen = nullptr;
  const int result =
      SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                            static_cast<unsigned>(ours.size()), in, in_size);
  *out = chosen;
  // RFC 7301 section 3.2: then there is no connection.
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// A certificate that was good when the session began may have ended since.
SSL_TICKET_RETURN AcceptTicket(SSL*, SSL_SESSION* session, const unsigned char*, size_t,
                               SSL_TICKET_STATUS status, void*) {
  switch (status) {
    case SSL_TICKET_EMPTY:
    case SSL_TICKET_NO_DECRYPT: return SSL_TICKET_RETURN_IGNORE_RENEW;
    case SSL_TICKET_SUCCESS:
    case SSL_TICKET_SUCCESS_RENEW: break;
    default: return SSL_TICKET_RETURN_IGNORE;
  }
  const X509* client = session != nullptr ? SSL_SESSION_get0_peer(session) : nullptr;
  if (client != nullptr && X509_cmp_current_time(X509_get0_notAfter(client)) < 0) {
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  }
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

int NoteNothing(SSL*, void*) { return 1; }

// The hello's callback has chosen. This only has the name kept, with the session, too.
int KeepName(SSL*, int*, void*) { return SSL_TLSEXT_ERR_OK; }

bool InitMac(EVP_MAC_CTX* mac, const TicketKey& key) {
  char digest[] = "SHA256";
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<uint8_t*>(key.mac.data()),
                                        key.mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end(),
  };
  return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

}  // namespace

// The library's callbacks that look into a context.
struct ServerCallbacks {
  static int OnHello(SSL* ssl, int* alert, void* context) {
    const auto& self = *static_cast<TlsServerContext*>(context);
    if (!self.hosts_->challenges.empty() && AsksForChallenge(ssl)) {
      return ShowChallenge(ssl, *self.hosts_, alert);
    }
    const TlsServerMaterial& material = *self.material_;
    const std::optional<size_t> found = material.parsed().names.Find(AskedName(ssl));
    if (!found.has_value() && material.settings().strict_sni) {
      *alert = SSL_AD_UNRECOGNIZED_NAME;
      return SSL_CLIENT_HELLO_ERROR;
    }
    const ServerHost& host = *self.hosts_->all[found.value_or(0)];
    // It began with the default's, policy included; to set that again would copy it.
    if (SSL_get_SSL_CTX(ssl) == host.context.get()) return SSL_CLIENT_HELLO_SUCCESS;
    if (SSL_set_SSL_CTX(ssl, host.context.get()) == nullptr) return SSL_CLIENT_HELLO_ERROR;
    SetPolicy(ssl, host);
    return SSL_CLIENT_HELLO_SUCCESS;
  }

  // After a hello that asked for a challenge, and that we have asked to try again (RFC 8446 section
  // 4.1.4): by then nobody checks the client any more, so it must go on asking for that alone.
  static int OnHelloAgain(SSL* ssl, int* alert, void*) {
    if (AsksForChallenge(ssl)) return SSL_CLIENT_HELLO_SUCCESS;
    *alert = SSL_AD_ILLEGAL_PARAMETER;
    return SSL_CLIENT_HELLO_ERROR;
  }

  static int ShowChallenge(SSL* ssl, const TlsServerContext::Hosts& hosts, int* alert) {
    std::string name(AskedName(ssl));
    for (char& c : name) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    const auto challenge = hosts.challenges.find(name);
    if (challenge == hosts.challenges.end()) {
      *alert = SSL_AD_UNRECOGNIZED_NAME;
      return SSL_CLIENT_HELLO_ERROR;
    }
    if (SSL_set_SSL_CTX(ssl, challenge->second.get()) == nullptr) return SSL_CLIENT_HELLO_ERROR;
    // What the connection has of its first context: tickets, and what is asked of clients.
    SSL_set_options(ssl, SSL_OP_NO_TICKET);
    SSL_set_num_tickets(ssl, 0);
    SSL_set_verify(ssl, SSL_VERIFY_NONE, nullptr);
    return SSL_CLIENT_HELLO_SUCCESS;
  }

  // What a connection has had of its first context, and does not take from another by itself.
  static void SetPolicy(SSL* ssl, const ServerHost& host) {
    const auto& auth = host.owner->material().parsed().policies[host.host->policy].auth;
    SSL_set_session_id_context(ssl, host.host->session_context.data(),
                               host.host->session_context.size());
    if (!auth.has_value()) return SSL_set_verify(ssl, SSL_VERIFY_NONE, nullptr);
    const bool required = auth->mode == TlsClientAuthMode::kRequired;
    SSL_set_verify(ssl, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                   VerifyClient);
    X509_VERIFY_PARAM* const had = SSL_get0_param(ssl);  // the first context's
    X509_VERIFY_PARAM_clear_flags(had, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    X509_VERIFY_PARAM_set_flags(
        had, X509_VERIFY_PARAM_get_flags(SSL_CTX_get0_param(host.context.get())));
    SSL_set_verify_depth(ssl, auth->depth);
  }

  static int OnTicket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                      EVP_MAC_CTX* mac, int seal) {
    const TlsServerContext& self = *HostOf(ssl).owner;
    const EVP_CIPHER* algorithm = self.hosts_->ticket_cipher.get();
    if (self.keys_ == nullptr) return 0;
    const TicketKey* key = &self.keys_->current;
    bool renew = false;
    if (seal == 1) {
      std::ranges::copy(key->name, name);
      if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(algorithm)) != 1) return 0;
    } else {
      key = self.keys_->Find(name, &renew);
      if (key == nullptr) return 0;
    }
    const int ready = seal == 1
                          ? EVP_EncryptInit_ex2(cipher, algorithm, key->cipher.data(), iv, nullptr)
                          : EVP_DecryptInit_ex2(cipher, algorithm, key->cipher.data(), iv, nullptr);
    if (ready != 1 || !InitMac(mac, *key)) return 0;
    // A client of TLS 1.3 uses a ticket once (RFC 8446 appendix C.4), and so needs the next one.
    const bool spent = seal == 0 && SSL_version(ssl) == TLS1_3_VERSION;
    return renew || spent ? 2 : 1;
  }
};

std::shared_ptr<TlsServerContext> TlsServerContext::Make(
    std::shared_ptr<const TlsServerMaterial> material, std::shared_ptr<const TicketKeys> keys) {
  return std::shared_ptr<TlsServerContext>(
      new TlsServerContext(std::move(material), std::move(keys)));
}

TlsServerContext::TlsServerContext(std::shared_ptr<const TlsServerMaterial> material,
                                   std::shared_ptr<const TicketKeys> keys)
    : material_(std::move(material)), hosts_(std::make_unique<Hosts>()) {
  HOLDFAST_CHECK(material_ != nullptr);
  UseTicketKeys(std::move(keys));
  hosts_->protocols = WireProtocols(material_->settings().protocols);
  hosts_->ticket_cipher.reset(EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr));
  HOLDFAST_CHECK(hosts_->ticket_cipher != nullptr);
  for (const VirtualHost& host : material_->parsed().hosts) {
    absl::StatusOr<SslContextPtr> context = MakeServerContext(*material_, host);
    HOLDFAST_CHECK(context.ok());  // It was, when the material was loaded.
    SSL_CTX* const raw = context->get();
    auto entry = std::make_unique<ServerHost>(
        ServerHost{.owner = this, .host = &host, .context = std::move(*context)});
    SSL_CTX_set_app_data(raw, entry.get());
    SSL_CTX_set_client_hello_cb(raw, ServerCallbacks::OnHello, this);
    SSL_CTX_set_tlsext_servername_callback(raw, KeepName);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(raw, ServerCallbacks::OnTicket);
    SSL_CTX_set_session_ticket_cb(raw, NoteNothing, AcceptTicket, nullptr);
    if (!hosts_->protocols.empty()) {
      SSL_CTX_set_alpn_select_cb(raw, ChooseProtocol, &hosts_->protocols);
    }
    hosts_->all.push_back(std::move(entry));
  }
  HOLDFAST_CHECK(!hosts_->all.empty());
}

TlsServerContext::~TlsServerContext() = default;

void TlsServerContext::UseTicketKeys(std::shared_ptr<const TicketKeys> keys) {
  HOLDFAST_CHECK(keys != nullptr || !material_->settings().tickets.has_value());
  keys_ = std::move(keys);
}

void TlsServerContext::UseChallenges(
    const std::shared_ptr<const ChallengeCertificates>& challenges) {
  hosts_->challenges.clear();
  if (challenges == nullptr) return;
  for (const auto& [name, chain] : challenges->parsed().chains) {
    SslContextPtr context = MakeChallengeContext(chain);
    SSL_CTX_set_client_hello_cb(context.get(), ServerCallbacks::OnHelloAgain, nullptr);
    // Whoever asks what host such a connection is for is told of the default one, which stays.
    SSL_CTX_set_app_data(context.get(), hosts_->all.front().get());
    SSL_CTX_set_alpn_select_cb(context.get(), ChooseChallenge, nullptr);
    hosts_->challenges.emplace(name, std::move(context));
  }
}

size_t TlsServerContext::ClientPolicyOf(std::string_view host) const {
  const auto& parsed = material_->parsed();
  const std::optional<size_t> found = parsed.names.Find(host);
  // Routes know hosts that no certificate is for. Which way to check their clients would be the
  // right one nobody can tell, where there are several.
  if (!found.has_value() && !host.empty() && parsed.policies.size() > 1) return kNoPolicy;
  return parsed.hosts[found.value_or(0)].policy;
}

size_t TlsServerContext::ClientPolicyOf(const ssl_st* connection) {
  return HostOf(connection).host->policy;
}

ssl_st* TlsServerContext::NewConnection() {
  ERR_clear_error();
  SSL* const ssl = SSL_new(hosts_->all.front()->context.get());
  if (ssl == nullptr) return nullptr;
  SSL_set_accept_state(ssl);
  ServerCallbacks::SetPolicy(ssl, *hosts_->all.front());
  return ssl;
}

}  // namespace holdfast::pool
