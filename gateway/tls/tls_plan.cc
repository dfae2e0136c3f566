#include "gateway/tls/tls_plan.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "gateway/config/file_text.h"
#include "gateway/config/server_name.h"
#include "gateway/config/text_checks.h"
#include "gateway/tls/acme_files.h"
#include "pool/net/check.h"

namespace holdfast::tls {
namespace {

using pool::TlsClientMaterial;
using pool::TlsFile;
using pool::TlsServerMaterial;

// The bundle of a whole system has some hundred KiB.
constexpr size_t kMaxFileBytes = 4 * 1024 * 1024;
constexpr size_t kMinSecretBytes = 32;

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

// Says so once, if it is.
void NoteExposed(const std::string& path, std::vector<std::string>* exposed) {
  if (!config::IsExposed(path)) return;
  const std::string sentence = absl::StrCat(path, ": ", std::string(config::kExposed));
  if (std::ranges::find(*exposed, sentence) == exposed->end()) exposed->push_back(sentence);
}

// Everything that went wrong, a line each, so that all can be mended in one go. What is there and
// wrong is told before what is missing.
class Troubles {
 public:
  // `subject` is the listener or upstream.
  void Add(const std::string& subject, const absl::Status& status) {
    std::vector<std::string>& list = absl::IsNotFound(status) ? missing_ : wrong_;
    std::string line = absl::StrCat(subject, ": ", status.message());
    if (std::ranges::find(list, line) == list.end()) list.push_back(std::move(line));
  }
  // NotFound: files are missing, and nothing else is wrong.
  absl::Status status() const {
    if (wrong_.empty() && missing_.empty()) return absl::OkStatus();
    std::vector<std::string> lines = wrong_;
    lines.insert(lines.end(), missing_.begin(), missing_.end());
    if (lines.size() > kMaxTlsErrors) {
      const size_t more = lines.size() - kMaxTlsErrors;
      lines.resize(kMaxTlsErrors);
      lines.push_back(absl::StrCat("and ", more, " more"));
    }
    const std::string all = absl::StrJoin(lines, "\n");
    return wrong_.empty() ? absl::NotFoundError(all) : absl::InvalidArgumentError(all);
  }

 private:
  std::vector<std::string> wrong_;
  std::vector<std::string> missing_;
};

// Reads the files of one listener or upstream; a file that does not do is empty, and told of.
class Reader {
 public:
  Reader(std::string subject, Troubles* troubles, std::vector<std::string>* exposed)
      : subject_(std::move(subject)), troubles_(troubles), exposed_(exposed) {}

  TlsFile ReadSecret(const std::string& path) {
    if (!path.empty()) NoteExposed(path, exposed_);
    return Read(path);
  }
  TlsFile Read(const std::string& path) {
    absl::StatusOr<TlsFile> file = ReadFile(path);
    if (file.ok()) return *std::move(file);
    Refuse(file.status());
    return {};
  }
  std::optional<pool::TlsClientAuth> Read(const std::optional<config::TlsClientAuthFiles>& files) {
    if (!files.has_value()) return std::nullopt;
    // Of a certificate they come so (RFC 4343).
    std::vector<std::string> allowed = files->allow_san;
    for (std::string& name : allowed) {
      if (name.starts_with("dns:")) name = config::LowerCase(name);
    }
    return pool::TlsClientAuth{.mode = files->mode,
                               .authorities = Read(files->ca),
                               .revoked = Read(files->crl),
                               .depth = static_cast<int>(files->depth),
                               .allow_san = std::move(allowed)};
  }
  std::optional<pool::TlsTickets> Read(const std::optional<config::TlsTicketFiles>& files) {
    if (!files.has_value()) return std::nullopt;
    pool::TlsTickets tickets{.secret = ReadSecret(files->keys), .rotate = files->rotate};
    if (!tickets.secret.empty() && tickets.secret.pem.size() < kMinSecretBytes) {
      Refuse(absl::InvalidArgumentError(
          absl::StrCat(files->keys, ": expected at least ", kMinSecretBytes, " random bytes")));
    }
    return tickets;
  }
  void Refuse(const absl::Status& why) {
    ok_ = false;
    troubles_->Add(subject_, why);
  }
  // Nothing was refused.
  bool ok() const { return ok_; }
  // What was made of the files, or null.
  template <class Material>
  std::shared_ptr<const Material> Made(absl::StatusOr<std::shared_ptr<const Material>> material) {
    if (material.ok()) return *std::move(material);
    Refuse(material.status());
    return nullptr;
  }

 private:
  std::string subject_;
  Troubles* troubles_;
  std::vector<std::string>* exposed_;
  bool ok_ = true;
};

std::vector<std::string> NamesOf(const std::vector<config::TlsProtocol>& protocols) {
  std::vector<std::string> names;
  for (const config::TlsProtocol protocol : protocols) {
    names.emplace_back(WordsOf(protocol).WordOf(protocol));
  }
  return names;
}

// What clients of the listener are offered by ALPN, the preferred one first.
std::vector<std::string> OfferOf(const config::Listener& listener) {
  std::vector<std::string> offer;
  if (listener.tls->alpn.empty()) return offer;
  for (const config::ClientProtocol protocol : listener.protocols) {
    if (protocol == config::ClientProtocol::kHttp2) {
      offer.emplace_back("h2");
    } else {
      const std::vector<std::string> names = NamesOf(listener.tls->alpn);
      offer.insert(offer.end(), names.begin(), names.end());
    }
  }
  return offer;
}

// What material is made with, beside the configuration.
struct Making {
  StandIns* stand_ins;
  pool::WallTime now;
  TlsPlan* plan;
};

bool AnyIsFor(const std::vector<pool::CertificateFacts>& certificates, const std::string& host) {
  return std::ranges::any_of(
      certificates, [&](const pool::CertificateFacts& facts) { return IsFor(facts, host); });
}

// The names that are to be ordered; those that files have (`loaded`) are told.
std::vector<std::string> NamesToOrder(const std::string& subject,
                                      const std::vector<pool::CertificateFacts>& loaded,
                                      config::ListenerAcme* acme, TlsPlan* plan) {
  std::vector<std::string> names;
  acme->covered.clear();
  for (const std::string& name : acme->names) {
    const bool covered = AnyIsFor(loaded, name);
    if (covered && acme->from_routes) {
      acme->covered.push_back(name);
      continue;
    }
    if (covered) {
      plan->doubled.push_back(absl::StrCat(subject, "acme is asked for ", name,
                                           ", which a certificate in a file is for already"));
    }
    names.push_back(name);
  }
  return names;
}

// Those that ACME has brought, and one for all names that nothing else is for.
void AddAcme(const Making& making, config::Listener* listener,
             std::vector<pool::TlsCertificate>* certificates) {
  if (!listener->tls->acme.has_value()) return;
  config::ListenerAcme& acme = *listener->tls->acme;
  const std::string subject = absl::StrCat("listener ", listener->name, ": ");
  std::vector<pool::CertificateFacts> loaded;
  for (const pool::TlsCertificate& certificate : *certificates) {
    // One that can't be read is told by whoever takes it into use.
    auto facts = pool::ReadCertificate(certificate.chain);
    if (facts.ok()) loaded.push_back(*std::move(facts));
  }
  std::vector<std::string> awaited;
  for (const std::string& name : NamesToOrder(subject, loaded, &acme, making.plan)) {
    const std::string path = AcmeFilePath(acme, name);
    const absl::StatusOr<AcmeCertificate> read = ReadAcmeCertificate(acme, name);
    if (read.ok()) making.stand_ins->last.Keep(path, *read);
    NoteExposed(path, &making.plan->exposed);
    const AcmeCertificate* shown = read.ok() ? &*read : making.stand_ins->last.Of(path, making.now);
    if (!read.ok() && (shown != nullptr || !absl::IsNotFound(read.status()))) {
      making.plan->awaited.push_back(absl::StrCat(subject, read.status().message(),
                                                  shown != nullptr ? "; the last one stays" : ""));
    }
    if (shown == nullptr) {
      awaited.push_back(name);
      continue;
    }
    certificates->push_back(shown->certificate);
    loaded.push_back(shown->facts);
  }
  // A name of its own would go before a wildcard that is good.
  std::erase_if(awaited, [&](const std::string& name) { return AnyIsFor(loaded, name); });
  if (awaited.empty()) return;
  certificates->push_back(making.stand_ins->temporary.For(awaited, making.now));
  making.plan->awaited.push_back(
      absl::StrCat(subject,
                   "clients see a temporary certificate, which nobody vouches for, until ACME "
                   "brings those for ",
                   absl::StrJoin(awaited, ", ")));
}

// Null: it is in `troubles` why not.
std::shared_ptr<const TlsServerMaterial> LoadListener(const Making& making, Troubles* troubles,
                                                      config::Listener* listener) {
  const config::ListenerTls& tls = *listener->tls;
  Reader reader("listener " + listener->name, troubles, &making.plan->exposed);
  pool::TlsServerSettings settings{.listener = listener->name,
                                   .certificates = {},
                                   .client_auth = reader.Read(tls.client_auth),
                                   .min_version = tls.min_version,
                                   .max_version = tls.max_version,
                                   .ciphers = tls.ciphers,
                                   .protocols = OfferOf(*listener),
                                   .strict_sni = tls.strict_sni,
                                   .tickets = reader.Read(tls.session_tickets),
                                   .handshake_timeout = tls.handshake_timeout};
  if (!tls.groups.empty()) settings.groups = tls.groups;
  for (const config::TlsCertificateFiles& files : tls.certificates) {
    settings.certificates.push_back({.chain = reader.Read(files.cert),
                                     .key = reader.ReadSecret(files.key),
                                     .client_auth = reader.Read(files.client_auth)});
  }
  // A file that is missing must not hide a key that is another's.
  for (const pool::TlsCertificate& certificate : settings.certificates) {
    if (certificate.chain.empty() || certificate.key.empty()) continue;
    const absl::Status fits = CheckKey(certificate.chain, certificate.key);
    if (!fits.ok()) reader.Refuse(fits);
  }
  if (!reader.ok()) return nullptr;
  AddAcme(making, listener, &settings.certificates);
  return reader.Made(TlsServerMaterial::Load(std::move(settings)));
}

// What is offered to an upstream where this is to be spoken, in order of preference.
std::vector<std::string> ProtocolsFor(const config::Upstream& upstream,
                                      pool::UpstreamProtocol protocol) {
  const std::string http2(pool::kHttp2Protocol);
  std::vector<std::string> names = NamesOf(upstream.tls->alpn);
  switch (protocol) {
    case pool::UpstreamProtocol::kH1: break;
    case pool::UpstreamProtocol::kH2: names = {http2}; break;
    case pool::UpstreamProtocol::kAuto: names.insert(names.begin(), http2); break;
  }
  return names;
}

// Null: it is in `troubles` why not.
std::shared_ptr<const TlsClientMaterial> LoadUpstream(
    const config::Upstream& upstream, pool::UpstreamProtocol protocol,
    const std::shared_ptr<const pool::TlsAuthorities>& system, Troubles* troubles,
    std::vector<std::string>* exposed) {
  const config::UpstreamTls& tls = *upstream.tls;
  Reader reader("upstream " + upstream.name, troubles, exposed);
  pool::TlsSettings settings{.server_name = config::ServerNameOf(upstream).value_or(""),
                             .authorities = {},
                             .authorities_digest = {},
                             .verify = tls.verify == config::TlsUpstreamVerify::kFull
                                           ? pool::TlsVerify::kFull
                                           : pool::TlsVerify::kNone,
                             .client_certificate = {},
                             .client_key = {},
                             .protocols = ProtocolsFor(upstream, protocol),
                             .min_version = tls.min_version};
  if (tls.ca != config::UpstreamTls::kSystemAuthorities) {
    settings.authorities = reader.Read(tls.ca);
  } else if (settings.verify != pool::TlsVerify::kNone) {
    HOLDFAST_CHECK(system != nullptr);
    settings.authorities_digest = system->digest();
  }
  if (tls.certificate.has_value()) {
    settings.client_certificate = reader.Read(tls.certificate->cert);
    settings.client_key = reader.ReadSecret(tls.certificate->key);
  }
  if (!reader.ok()) return nullptr;
  return reader.Made(TlsClientMaterial::Load(std::move(settings), system));
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
      if (AnyIsFor(certificates, host)) continue;
      warnings->push_back(absl::StrCat("listener ", config.listeners[listener].name,
                                       ": no certificate is for ", host, ", a host of route ",
                                       route.name));
    }
  }
}

bool IsOfAcme(const config::Listener& listener, const std::string& file) {
  const std::optional<config::ListenerAcme>& acme = listener.tls->acme;
  return acme.has_value() && std::ranges::any_of(acme->names, [&](const std::string& name) {
           return AcmeFilePath(*acme, name) == file;
         });
}

}  // namespace

absl::StatusOr<TlsPlan> LoadTls(config::Config* config, StandIns* stand_ins, pool::WallTime now) {
  TlsPlan plan;
  const Making making{.stand_ins = stand_ins, .now = now, .plan = &plan};
  Troubles troubles;
  stand_ins->last.Prune(now);
  for (config::Listener& listener : config->listeners) {
    plan.listeners.emplace_back();
    if (!listener.tls.has_value()) continue;
    plan.listeners.back() = LoadListener(making, &troubles, &listener);
  }
  std::shared_ptr<const pool::TlsAuthorities> system;
  absl::Status system_trouble;
  if (std::ranges::any_of(config->upstreams, AsksTheSystem)) {
    auto authorities = pool::TlsAuthorities::System();
    if (authorities.ok()) system = *std::move(authorities);
    system_trouble = authorities.status();
  }
  for (config::Upstream& upstream : config->upstreams) {
    plan.upstreams.emplace_back();
    plan.checks.emplace_back();
    if (!upstream.tls.has_value()) continue;
    if (AsksTheSystem(upstream) && system == nullptr) {
      troubles.Add("upstream " + upstream.name, system_trouble);
      continue;
    }
    const pool::UpstreamProtocol protocol = upstream.cluster.protocol;
    plan.upstreams.back() = LoadUpstream(upstream, protocol, system, &troubles, &plan.exposed);
    if (plan.upstreams.back() == nullptr) continue;
    upstream.cluster.tls = pool::TlsIdentity(plan.upstreams.back()->settings());
    if (upstream.check_protocol() == protocol) continue;
    std::vector<std::string> told_already;
    plan.checks.back() =
        LoadUpstream(upstream, upstream.check_protocol(), system, &troubles, &told_already);
  }
  if (const absl::Status status = troubles.status(); !status.ok()) return status;
  return plan;
}

std::vector<std::string> FilesOf(const config::Config& config) {
  std::vector<std::string> files;
  const auto add = [&](const std::string& path) {
    if (!path.empty()) files.push_back(path);
  };
  const auto add_clients = [&](const std::optional<config::TlsClientAuthFiles>& auth) {
    if (!auth.has_value()) return;
    add(auth->ca);
    add(auth->crl);
  };
  for (const config::Listener& listener : config.listeners) {
    if (!listener.tls.has_value()) continue;
    add_clients(listener.tls->client_auth);
    if (listener.tls->session_tickets.has_value()) add(listener.tls->session_tickets->keys);
    if (listener.tls->acme.has_value()) {
      for (const std::string& name : listener.tls->acme->names) {
        add(AcmeFilePath(*listener.tls->acme, name));
      }
    }
    for (const config::TlsCertificateFiles& certificate : listener.tls->certificates) {
      add(certificate.cert);
      add(certificate.key);
      add_clients(certificate.client_auth);
    }
  }
  for (const config::Upstream& upstream : config.upstreams) {
    if (!upstream.tls.has_value()) continue;
    const bool system = upstream.tls->ca == config::UpstreamTls::kSystemAuthorities;
    if (!system) add(upstream.tls->ca);
    if (system && AsksTheSystem(upstream)) add(pool::TlsAuthorities::SystemFile());
    if (!upstream.tls->certificate.has_value()) continue;
    add(upstream.tls->certificate->cert);
    add(upstream.tls->certificate->key);
  }
  std::ranges::sort(files);
  files.erase(std::ranges::unique(files).begin(), files.end());
  return files;
}

bool SameTls(const TlsPlan& a, const TlsPlan& b) {
  const auto same = [](const auto& x, const auto& y) {
    if (x == nullptr || y == nullptr) return x == y;
    return x->settings() == y->settings();
  };
  return std::ranges::equal(a.listeners, b.listeners, same) &&
         std::ranges::equal(a.upstreams, b.upstreams, same) &&
         std::ranges::equal(a.checks, b.checks, same);
}

std::vector<std::string> TlsWarnings(const config::Config& config, const TlsPlan& plan,
                                     pool::WallTime now) {
  HOLDFAST_CHECK(plan.listeners.size() == config.listeners.size());
  std::vector<std::string> warnings = plan.exposed;
  warnings.insert(warnings.end(), plan.doubled.begin(), plan.doubled.end());
  for (size_t i = 0; i < plan.listeners.size(); ++i) {
    if (plan.listeners[i] == nullptr) continue;
    const std::vector<pool::CertificateFacts>& certificates = plan.listeners[i]->certificates();
    for (const pool::CertificateFacts& facts : certificates) {
      if (facts.file == TemporaryCertificates::kFile) continue;
      // What ACME renews may well live for less than that.
      const pool::Duration ahead =
          IsOfAcme(config.listeners[i], facts.file) ? pool::Duration::zero() : kExpiryWarning;
      std::ranges::move(pool::Warnings(facts, now, ahead), std::back_inserter(warnings));
    }
    for (const std::string& odd : plan.listeners[i]->warnings()) {
      // It is there for a while only.
      if (odd.starts_with(TemporaryCertificates::kFile)) continue;
      warnings.push_back(absl::StrCat("listener ", config.listeners[i].name, ": ", odd));
    }
    AddNamesWithout(config, i, certificates, &warnings);
  }
  return warnings;
}

}  // namespace holdfast::tls
