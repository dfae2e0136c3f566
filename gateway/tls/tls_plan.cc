#include "gateway/tls/tls_plan.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include <absl/strings/str_cat.h>

#include "gateway/config/file_text.h"
#include "gateway/config/server_name.h"
#include "pool/net/check.h"

namespace holdfast::tls {
namespace {

using pool::TlsClientMaterial;
using pool::TlsFile;
using pool::TlsServerMaterial;

// The bundle of a whole system has some hundred KiB.
constexpr size_t kMaxFileBytes = 4 * 1024 * 1024;
// What is spoken, by its names for ALPN (RFC 7301 section 6). Some clients of HTTP/1.0 offer that
// alone.
constexpr std::string_view kHttp1 = "http/1.1";
constexpr std::string_view kHttp10 = "http/1.0";

absl::Status CannotRead(const std::string& path, const char* why) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": cannot be read: ", why));
}

absl::Status CannotOpen(const std::string& path, int error) {
  const absl::Status status = CannotRead(path, std::strerror(error));
  return error == ENOENT ? absl::NotFoundError(status.message()) : status;
}

// An empty path is an empty file.
absl::StatusOr<TlsFile> ReadFile(const std::string& path) {
  if (path.empty()) return TlsFile{};
  std::optional<std::string> text = config::ReadFileText(path, kMaxFileBytes);
  if (!text.has_value()) return CannotOpen(path, errno);
  if (text->size() > kMaxFileBytes) return CannotRead(path, "it is larger than 4 MiB");
  if (text->empty()) return CannotRead(path, "it is empty");
  return TlsFile{.pem = *std::move(text), .name = path};
}

// Remembers the first thing that went wrong, so that many files can be read in one go.
class Reader {
 public:
  TlsFile Read(const std::string& path) {
    absl::StatusOr<TlsFile> file = ReadFile(path);
    if (file.ok()) return *std::move(file);
    status_.Update(file.status());
    return {};
  }
  std::optional<pool::TlsClientAuth> Read(const std::optional<config::TlsClientAuthFiles>& files) {
    if (!files.has_value()) return std::nullopt;
    return pool::TlsClientAuth{.mode = files->mode,
                               .authorities = Read(files->ca),
                               .revoked = Read(files->crl),
                               .depth = static_cast<int>(files->depth),
                               .allow_san = files->allow_san};
  }
  const absl::Status& status() const { return status_; }

 private:
  absl::Status status_;
};

absl::Status About(const char* what, const std::string& name, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(what, " ", name, ": ", status.message()));
}

absl::StatusOr<std::shared_ptr<const TlsServerMaterial>> LoadListener(
    const config::Listener& listener) {
  const config::ListenerTls& tls = *listener.tls;
  Reader reader;
  pool::TlsServerSettings settings{.listener = listener.name,
                                   .certificates = {},
                                   .client_auth = reader.Read(tls.client_auth),
                                   .min_version = tls.min_version,
                                   .max_version = tls.max_version,
                                   .ciphers = tls.ciphers,
                                   .protocols = {std::string(kHttp1), std::string(kHttp10)},
                                   .strict_sni = tls.strict_sni,
                                   .tickets = tls.session_tickets == config::TlsTickets::kOn,
                                   .handshake_timeout = tls.handshake_timeout};
  if (!tls.groups.empty()) settings.groups = tls.groups;
  for (const config::TlsCertificateFiles& files : tls.certificates) {
    settings.certificates.push_back({.chain = reader.Read(files.cert),
                                     .key = reader.Read(files.key),
                                     .client_auth = reader.Read(files.client_auth)});
  }
  // A file that is missing must not hide a key that is another's.
  for (const pool::TlsCertificate& certificate : settings.certificates) {
    if (certificate.chain.empty() || certificate.key.empty()) continue;
    if (absl::Status fits = CheckKey(certificate.chain, certificate.key); !fits.ok()) return fits;
  }
  if (!reader.status().ok()) return reader.status();
  return TlsServerMaterial::Load(std::move(settings));
}

absl::StatusOr<std::shared_ptr<const TlsClientMaterial>> LoadUpstream(
    const config::Upstream& upstream, const std::shared_ptr<const pool::TlsAuthorities>& system) {
  const config::UpstreamTls& tls = *upstream.tls;
  Reader reader;
  pool::TlsSettings settings{.server_name = config::ServerNameOf(upstream).value_or(""),
                             .authorities = {},
                             .verify = tls.verify == config::TlsUpstreamVerify::kFull
                                           ? pool::TlsVerify::kFull
                                           : pool::TlsVerify::kNone,
                             .client_certificate = {},
                             .client_key = {},
                             .protocols = {std::string(kHttp1)},
                             .min_version = tls.min_version};
  if (tls.ca != config::UpstreamTls::kSystemAuthorities) settings.authorities = reader.Read(tls.ca);
  if (tls.certificate.has_value()) {
    settings.client_certificate = reader.Read(tls.certificate->cert);
    settings.client_key = reader.Read(tls.certificate->key);
  }
  if (!reader.status().ok()) return reader.status();
  return TlsClientMaterial::Load(std::move(settings), system);
}

bool AsksTheSystem(const config::Upstream& upstream) {
  return upstream.tls.has_value() && upstream.tls->verify == config::TlsUpstreamVerify::kFull &&
         upstream.tls->ca == config::UpstreamTls::kSystemAuthorities;
}

// The hosts that routes for this listener name exactly, and that none of its certificates is for.
void AddNamesWithout(const config::Config& config, size_t listener,
                     const std::vector<pool::CertificateFacts>& certificates,
                     std::vector<std::string>* warnings) {
  for (const config::Route& route : config.routes) {
    if ((route.match.ListenerMask() >> listener & 1) == 0) continue;
    for (const std::string& host : route.match.hosts) {
      if (host.find('*') != std::string::npos) continue;
      const bool found = std::ranges::any_of(
          certificates, [&](const pool::CertificateFacts& facts) { return IsFor(facts, host); });
      if (found) continue;
      warnings->push_back(absl::StrCat("listener ", config.listeners[listener].name,
                                       ": no certificate is for ", host, ", a host of route ",
                                       route.name));
    }
  }
}

}  // namespace

absl::StatusOr<TlsPlan> LoadTls(config::Config* config) {
  TlsPlan plan;
  absl::Status missing;  // what is there and wrong is told first
  for (const config::Listener& listener : config->listeners) {
    plan.listeners.emplace_back();
    if (!listener.tls.has_value()) continue;
    auto material = LoadListener(listener);
    if (material.ok()) {
      plan.listeners.back() = *std::move(material);
      continue;
    }
    const absl::Status wrong = About("listener", listener.name, material.status());
    if (!absl::IsNotFound(wrong)) return wrong;
    missing.Update(wrong);
  }
  std::shared_ptr<const pool::TlsAuthorities> system;
  for (config::Upstream& upstream : config->upstreams) {
    plan.upstreams.emplace_back();
    if (!upstream.tls.has_value()) continue;
    if (system == nullptr && AsksTheSystem(upstream)) {
      auto authorities = pool::TlsAuthorities::System();
      if (!authorities.ok()) return About("upstream", upstream.name, authorities.status());
      system = *std::move(authorities);
    }
    auto material = LoadUpstream(upstream, system);
    if (material.ok()) {
      plan.upstreams.back() = *std::move(material);
      upstream.cluster.tls = pool::TlsIdentity(plan.upstreams.back()->settings());
      continue;
    }
    const absl::Status wrong = About("upstream", upstream.name, material.status());
    if (!absl::IsNotFound(wrong)) return wrong;
    missing.Update(wrong);
  }
  if (!missing.ok()) return missing;
  return plan;
}

std::vector<std::string> TlsWarnings(const config::Config& config, const TlsPlan& plan,
                                     pool::WallTime now) {
  HOLDFAST_CHECK(plan.listeners.size() == config.listeners.size());
  std::vector<std::string> warnings;
  for (size_t i = 0; i < plan.listeners.size(); ++i) {
    if (plan.listeners[i] == nullptr) continue;
    const std::vector<pool::CertificateFacts>& certificates = plan.listeners[i]->certificates();
    for (const pool::CertificateFacts& facts : certificates) {
      std::ranges::move(pool::Warnings(facts, now, kExpiryWarning), std::back_inserter(warnings));
    }
    // Of our own list some are meant for libraries to come.
    if (!config.listeners[i].tls->groups.empty()) {
      for (const std::string& left_out : plan.listeners[i]->warnings()) {
        warnings.push_back(absl::StrCat("listener ", config.listeners[i].name, ": ", left_out));
      }
    }
    AddNamesWithout(config, i, certificates, &warnings);
  }
  return warnings;
}

}  // namespace holdfast::tls
