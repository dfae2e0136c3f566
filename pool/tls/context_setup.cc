#include "pool/tls/context_setup.h"

#include <string_view>
#include <utility>

#include <openssl/err.h>

#include "pool/net/check.h"
#include "pool/net/socket_address.h"
#include "pool/tls/openssl_memory.h"

namespace holdfast::pool {
namespace {

// 112 bits: RSA of 2048 bits, and no SHA-1 (SSL_CTX_set_security_level(3)).
constexpr int kSecurityLevel = 2;
constexpr long kSessionSeconds = 2 * 60 * 60;
// RFC 9525 section 6.3: no part of a label, and no look at the subject.
constexpr unsigned kHostFlags =
    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;

absl::Status Error(const std::string& what) { return absl::InvalidArgumentError(what); }

int NumberOf(TlsVersion version) {
  return version == TlsVersion::kTls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

// Puts the names of each version apart, and says which one the library does not know. A version
// without a cipher suite is not spoken.
absl::Status SetCiphers(SSL_CTX* context, std::string_view ciphers) {
  std::string older, newer;
  while (!ciphers.empty()) {
    const size_t end = std::min(ciphers.find(':'), ciphers.size());
    const std::string name(ciphers.substr(0, end));
    ciphers.remove_prefix(std::min(end + 1, ciphers.size()));
    if (name.empty()) continue;
    const bool is_newer = name.starts_with("TLS_");
    const bool known = is_newer ? SSL_CTX_set_ciphersuites(context, name.c_str()) == 1
                                : SSL_CTX_set_cipher_list(context, name.c_str()) == 1;
    ERR_clear_error();
    if (!known) return Error("ciphers: \"" + name + "\" is not known");
    std::string& list = is_newer ? newer : older;
    list.append(list.empty() ? "" : ":").append(name);
  }
  if (older.empty() && newer.empty()) return Error("ciphers: expected at least one");
  SSL_CTX_set_ciphersuites(context, newer.c_str());
  if (older.empty()) {
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  } else {
    SSL_CTX_set_cipher_list(context, older.c_str());
  }
  if (newer.empty()) SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
  if (SSL_CTX_get_min_proto_version(context) > SSL_CTX_get_max_proto_version(context)) {
    return Error("ciphers: expected one of a version from min_version to max_version");
  }
  return absl::OkStatus();
}

// Whether a cipher suite of TLS 1.2 is left that goes with this kind of key.
bool HasOlderCipherFor(SSL_CTX* context, KeyType key) {
  const STACK_OF(SSL_CIPHER)* const ciphers = SSL_CTX_get_ciphers(context);
  for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
    const int kind = SSL_CIPHER_get_auth_nid(sk_SSL_CIPHER_value(ciphers, i));
    if (kind == (key == KeyType::kRsa ? NID_auth_rsa : NID_auth_ecdsa)) return true;
  }
  return false;
}

absl::Status SetChain(SSL_CTX* context, const KeyedChain& chain) {
  STACK_OF(X509)* rest = sk_X509_new_null();
  for (const X509Ptr& certificate : chain.rest) sk_X509_push(rest, certificate.get());
  // Takes references of its own.
  const int set = SSL_CTX_use_cert_and_key(context, chain.leaf.get(), chain.key.get(), rest, 1);
  sk_X509_free(rest);
  if (set == 1) return absl::OkStatus();
  return Error(chain.facts.file + ": can't be used: " + TakeLibraryError());
}

void SetAuthorities(SSL_CTX* context, const TlsAuthorities& authorities,
                    const std::vector<CrlPtr>& revoked) {
  X509_STORE* store = X509_STORE_new();
  HOLDFAST_CHECK(store != nullptr);
  for (const X509Ptr& certificate : authorities.parsed().certificates) {
    X509_STORE_add_cert(store, certificate.get());
  }
  for (const CrlPtr& list : revoked) X509_STORE_add_crl(store, list.get());
  ERR_clear_error();
  SSL_CTX_set_cert_store(context, store);
  // Whoever is in the file is believed, be it a root or not.
  unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;
  if (!revoked.empty()) flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), flags);
}

SslContextPtr NewContext(const SSL_METHOD* method, TlsVersion min_version, TlsVersion max_version) {
  SslContextPtr context(SSL_CTX_new(method));
  HOLDFAST_CHECK(context != nullptr);
  SSL_CTX_set_min_proto_version(context.get(), NumberOf(min_version));
  SSL_CTX_set_max_proto_version(context.get(), NumberOf(max_version));
  SSL_CTX_set_security_level(context.get(), kSecurityLevel);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_timeout(context.get(), kSessionSeconds);
  return context;
}

}  // namespace

void InitLibrary() {
  UseLibraryMemory();
  const int done = OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, nullptr);
  HOLDFAST_CHECK(done == 1);
}

std::string WireProtocols(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& protocol : protocols) {
    if (protocol.empty() || protocol.size() > 255) continue;
    wire.push_back(static_cast<char>(protocol.size()));
    wire.append(protocol);
  }
  return wire;
}

absl::Status CheckCiphers(SSL_CTX* context, const TlsServerMaterial& material,
                          const VirtualHost& host, std::vector<std::string>* warnings) {
  const TlsServerSettings& settings = material.settings();
  const auto unspoken = [&](std::string_view version) {
    warnings->push_back("ciphers: none is of " + std::string(version) + ", which is not spoken");
  };
  if (SSL_CTX_get_max_proto_version(context) < NumberOf(settings.max_version)) unspoken("TLS 1.3");
  if (SSL_CTX_get_min_proto_version(context) > NumberOf(settings.min_version)) {
    unspoken("TLS 1.2");
    return absl::OkStatus();
  }
  if (settings.min_version > TlsVersion::kTls12) return absl::OkStatus();
  std::string files;
  for (const size_t index : host.certificates) {
    const CertificateFacts& facts = material.parsed().chains[index].facts;
    if (HasOlderCipherFor(context, facts.key_type)) return absl::OkStatus();
    files.append(files.empty() ? "" : ", ").append(facts.file);
  }
  const std::string without = "ciphers: none of TLS 1.2 goes with the key of " + files;
  if (SSL_CTX_get_max_proto_version(context) == TLS1_2_VERSION) return Error(without);
  warnings->push_back(without);
  return absl::OkStatus();
}

std::vector<std::string> KnownGroups(const std::vector<std::string>& groups,
                                     std::vector<std::string>* warnings) {
  const SslContextPtr scratch(SSL_CTX_new(TLS_method()));
  HOLDFAST_CHECK(scratch != nullptr);
  std::vector<std::string> known;
  std::string list;
  for (const std::string& group : groups) {
    const std::string longer = list.empty() ? group : list + ":" + group;
    if (SSL_CTX_set1_groups_list(scratch.get(), group.c_str()) != 1) {
      warnings->push_back("groups: " + group + " is not known to this OpenSSL, and left out");
    } else if (SSL_CTX_set1_groups_list(scratch.get(), longer.c_str()) != 1) {
      // Under one name or two.
      warnings->push_back("groups: " + group + " is there already, and left out");
    } else {
      known.push_back(group);
      list = longer;
    }
  }
  ERR_clear_error();
  return known;
}

absl::StatusOr<SslContextPtr> MakeServerContext(const TlsServerMaterial& material,
                                                const VirtualHost& host) {
  const TlsServerSettings& settings = material.settings();
  if (settings.min_version > settings.max_version) {
    return Error("min_version: expected at most max_version");
  }
  SslContextPtr context =
      NewContext(TLS_server_method(), settings.min_version, settings.max_version);
  SSL_CTX* const raw = context.get();
  if (absl::Status status = SetCiphers(raw, settings.ciphers); !status.ok()) return status;
  std::string groups;
  for (const std::string& group : settings.groups) {
    groups.append(groups.empty() ? "" : ":").append(group);
  }
  if (groups.empty()) return Error("groups: none of them is known to this OpenSSL");
  if (SSL_CTX_set1_groups_list(raw, groups.c_str()) != 1) {
    return Error("groups: OpenSSL does not take " + groups);
  }
  for (const size_t index : host.certificates) {
    absl::Status status = SetChain(raw, material.parsed().chains[index]);
    if (!status.ok()) return status;
  }
  // The internal cache locks; tickets need none.
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(raw, settings.tickets.has_value() ? 1 : 0);
  if (!settings.tickets.has_value()) SSL_CTX_set_options(raw, SSL_OP_NO_TICKET);
  SSL_CTX_set_session_id_context(raw, host.session_context.data(), host.session_context.size());
  const ClientPolicy& policy = material.parsed().policies[host.policy];
  if (policy.auth.has_value()) {
    SetAuthorities(raw, *policy.authorities, policy.revoked);
    for (const X509Ptr& certificate : policy.authorities->parsed().certificates) {
      SSL_CTX_add_client_CA(raw, certificate.get());
    }
    SSL_CTX_set_verify_depth(raw, policy.auth->depth);
  }
  return context;
}

SslContextPtr MakeChallengeContext(const KeyedChain& chain) {
  SslContextPtr context = NewContext(TLS_server_method(), TlsVersion::kTls12, TlsVersion::kTls13);
  HOLDFAST_CHECK(SetChain(context.get(), chain).ok());
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  return context;
}

absl::StatusOr<SslContextPtr> MakeClientContext(const TlsClientMaterial& material) {
  const TlsSettings& settings = material.settings();
  SslContextPtr context = NewContext(TLS_client_method(), settings.min_version, TlsVersion::kTls13);
  SSL_CTX* const raw = context.get();
  if (absl::Status status = SetCiphers(raw, kTlsDefaultCiphers); !status.ok()) return status;
  std::vector<std::string> unknown;
  std::string groups;
  for (const std::string& group : KnownGroups(TlsServerSettings{}.groups, &unknown)) {
    groups.append(groups.empty() ? "" : ":").append(group);
  }
  HOLDFAST_CHECK(SSL_CTX_set1_groups_list(raw, groups.c_str()) == 1);
  if (material.parsed().chain.has_value()) {
    absl::Status status = SetChain(raw, *material.parsed().chain);
    if (!status.ok()) return status;
  }
  const std::string protocols = WireProtocols(settings.protocols);
  if (!protocols.empty()) {
    SSL_CTX_set_alpn_protos(raw, reinterpret_cast<const unsigned char*>(protocols.data()),
                            static_cast<unsigned>(protocols.size()));
  }
  if (settings.verify == TlsVerify::kNone) {
    SSL_CTX_set_verify(raw, SSL_VERIFY_NONE, nullptr);
    return context;
  }
  SetAuthorities(raw, *material.parsed().authorities, {});
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
  X509_VERIFY_PARAM* param = SSL_CTX_get0_param(raw);
  X509_VERIFY_PARAM_set_hostflags(param, kHostFlags);
  const std::string& name = settings.server_name;
  if (settings.verify == TlsVerify::kFull && !name.empty()) {
    const auto address = SocketAddress::FromIp(name, 0);
    const int set = address.has_value()
                        ? X509_VERIFY_PARAM_set1_ip_asc(param, address->Ip().c_str())
                        : X509_VERIFY_PARAM_set1_host(param, name.data(), name.size());
    if (set != 1) return Error("server_name: \"" + name + "\"; expected a host name or an address");
  }
  return context;
}

}  // namespace holdfast::pool
