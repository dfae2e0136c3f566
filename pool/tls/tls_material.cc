#include "pool/tls/tls_material.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <utility>

#include "pool/net/check.h"
#include "pool/tls/context_setup.h"
#include "pool/tls/digest.h"
#include "pool/tls/tls_parsed.h"

namespace holdfast::pool {
namespace {

constexpr const char* kDebianBundle = "/etc/ssl/certs/ca-certificates.crt";

absl::Status Error(std::string_view what) { return absl::InvalidArgumentError(std::string(what)); }

// A length before each part, so that no other parts make the same text.
void AppendPart(std::string_view part, std::string* text) {
  text->append(std::to_string(part.size())).append(":").append(part);
}

// A dot at the end is no part of a name.
std::string WithoutDot(const std::string& name) {
  return name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
}

}  // namespace

TlsAuthorities::TlsAuthorities(std::unique_ptr<const Parsed> parsed, std::string digest)
    : parsed_(std::move(parsed)), digest_(std::move(digest)) {}
TlsAuthorities::~TlsAuthorities() = default;

size_t TlsAuthorities::size() const { return parsed_->certificates.size(); }

absl::StatusOr<std::shared_ptr<const TlsAuthorities>> TlsAuthorities::Parse(const TlsFile& file) {
  absl::StatusOr<std::vector<X509Ptr>> certificates = ParseCertificates(file);
  if (!certificates.ok()) return certificates.status();
  auto parsed = std::make_unique<Parsed>();
  parsed->certificates = std::move(*certificates);
  return std::shared_ptr<const TlsAuthorities>(
      new TlsAuthorities(std::move(parsed), Sha256(file.pem)));
}

std::string TlsAuthorities::SystemFile() {
  const char* const chosen = std::getenv("SSL_CERT_FILE");
  return chosen != nullptr && *chosen != '\0' ? chosen : kDebianBundle;
}

absl::StatusOr<std::shared_ptr<const TlsAuthorities>> TlsAuthorities::System() {
  const std::string path = SystemFile();
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return Error(path + ": the system's authorities can't be read");
  return Parse({.pem = text.str(), .name = path});
}

TlsServerMaterial::TlsServerMaterial(TlsServerSettings settings)
    : settings_(std::move(settings)), parsed_(std::make_unique<Parsed>()) {}
TlsServerMaterial::~TlsServerMaterial() = default;

absl::StatusOr<std::shared_ptr<const TlsServerMaterial>> TlsServerMaterial::Load(
    TlsServerSettings settings) {
  std::shared_ptr<TlsServerMaterial> material(new TlsServerMaterial(std::move(settings)));
  if (absl::Status status = material->ParseCertificates(); !status.ok()) return status;
  if (absl::Status status = material->ParsePolicies(); !status.ok()) return status;
  if (absl::Status status = material->FormHosts(); !status.ok()) return status;
  // Of the library room's own list some are meant for libraries to come.
  const bool chosen = material->settings_.groups != TlsServerSettings().groups;
  std::vector<std::string> unknown;
  material->settings_.groups = KnownGroups(material->settings_.groups, &unknown);
  if (chosen) std::ranges::move(unknown, std::back_inserter(material->warnings_));
  for (const VirtualHost& host : material->parsed_->hosts) {
    const auto trial = MakeServerContext(*material, host);
    if (!trial.ok()) return trial.status();
    absl::Status fits = CheckCiphers(trial->get(), *material, host, &material->warnings_);
    if (!fits.ok()) return fits;
  }
  auto& warnings = material->warnings_;  // the hosts' are often the same
  std::ranges::sort(warnings);
  warnings.erase(std::ranges::unique(warnings).begin(), warnings.end());
  return std::shared_ptr<const TlsServerMaterial>(std::move(material));
}

absl::Status TlsServerMaterial::ParseCertificates() {
  if (settings_.certificates.empty()) return Error("certificates: expected at least one");
  for (const TlsCertificate& certificate : settings_.certificates) {
    absl::StatusOr<KeyedChain> chain = ParseKeyedChain(certificate.chain, certificate.key);
    if (!chain.ok()) return chain.status();
    certificates_.push_back(chain->facts);
    parsed_->chains.push_back(std::move(*chain));
  }
  return absl::OkStatus();
}

absl::Status TlsServerMaterial::ParsePolicies() {
  for (const TlsCertificate& certificate : settings_.certificates) {
    const auto& auth =
        certificate.client_auth.has_value() ? certificate.client_auth : settings_.client_auth;
    auto& policies = parsed_->policies;
    const auto same = std::ranges::find(policies, auth, &ClientPolicy::auth);
    parsed_->policy_of_chain.push_back(static_cast<size_t>(same - policies.begin()));
    if (same != policies.end()) continue;
    ClientPolicy policy{.auth = auth};
    if (auth.has_value()) {
      auto authorities = TlsAuthorities::Parse(auth->authorities);
      if (!authorities.ok()) return authorities.status();
      policy.authorities = std::move(*authorities);
      if (!auth->revoked.empty()) {
        auto revoked = ParseRevocations(auth->revoked);
        if (!revoked.ok()) return revoked.status();
        policy.revoked = std::move(*revoked);
      }
      for (const std::string& name : auth->allow_san) {
        if (name.starts_with("uri:") || name.starts_with("dns:")) continue;
        return Error("allow_san: \"" + name + "\"; expected uri:... or dns:...");
      }
    }
    policies.push_back(std::move(policy));
  }
  return absl::OkStatus();
}

// Which certificates serve a name: the first of each kind of key that has it. Names with the same
// certificates are one host.
absl::Status TlsServerMaterial::FormHosts() {
  std::map<std::string, std::vector<size_t>> by_name;
  for (size_t i = 0; i < certificates_.size(); ++i) {
    for (const std::string& full : certificates_[i].names) {
      const std::string name = WithoutDot(full);
      std::vector<size_t>& who = by_name[name];
      // The second of a kind would never be shown; but it may check clients otherwise.
      if (!who.empty() && parsed_->policy_of_chain[who[0]] != parsed_->policy_of_chain[i]) {
        return Error(certificates_[who[0]].file + " and " + certificates_[i].file +
                     " are both for " + name + ", but with different client_auth");
      }
      const bool there = std::ranges::any_of(who, [&](size_t other) {
        return certificates_[other].key_type == certificates_[i].key_type;
      });
      if (there) continue;
      who.push_back(i);
    }
    if (i > 0 && settings_.certificates[i].client_auth.has_value() &&
        certificates_[i].names.empty()) {
      return Error(certificates_[i].file + " has client_auth, but no name that clients ask for");
    }
  }
  std::map<std::vector<size_t>, std::vector<std::string>> names_of;
  std::vector<size_t> first = {0};
  if (!certificates_[0].names.empty()) first = by_name[WithoutDot(certificates_[0].names[0])];
  std::vector<std::vector<size_t>> order = {first};
  for (const auto& [name, who] : by_name) {
    names_of[who].push_back(name);
    if (std::ranges::find(order, who) == order.end()) order.push_back(who);
  }
  for (const std::vector<size_t>& who : order) {
    VirtualHost host{.certificates = who, .policy = parsed_->policy_of_chain[who[0]]};
    std::string bound;
    AppendPart(settings_.listener, &bound);
    AppendPart(PolicyText(parsed_->policies[host.policy].auth), &bound);
    for (const std::string& name : names_of[who]) {
      AppendPart(name, &bound);
      parsed_->names.Add(name, parsed_->hosts.size());
    }
    std::ranges::copy(Sha256(bound), host.session_context.begin());
    parsed_->hosts.push_back(std::move(host));
  }
  HOLDFAST_CHECK(!parsed_->hosts.empty());
  for (size_t i = 1; i < certificates_.size(); ++i) {
    const auto shows = [&](const VirtualHost& host) {
      return std::ranges::find(host.certificates, i) != host.certificates.end();
    };
    if (std::ranges::any_of(parsed_->hosts, shows)) continue;
    warnings_.push_back(certificates_[i].file + " is never shown: " +
                        (certificates_[i].names.empty()
                             ? "it is for no host name, and not the first"
                             : "certificates before it, of the same kind of key, have its names"));
  }
  return absl::OkStatus();
}

TlsClientMaterial::TlsClientMaterial(TlsSettings settings)
    : settings_(std::move(settings)), parsed_(std::make_unique<Parsed>()) {}
TlsClientMaterial::~TlsClientMaterial() = default;

absl::StatusOr<std::shared_ptr<const TlsClientMaterial>> TlsClientMaterial::Load(
    TlsSettings settings, std::shared_ptr<const TlsAuthorities> system) {
  InitLibrary();
  std::shared_ptr<TlsClientMaterial> material(new TlsClientMaterial(std::move(settings)));
  const TlsSettings& told = material->settings_;
  if (!told.client_certificate.empty()) {
    absl::StatusOr<KeyedChain> chain = ParseKeyedChain(told.client_certificate, told.client_key);
    if (!chain.ok()) return chain.status();
    material->parsed_->chain = std::move(*chain);
  }
  if (told.verify != TlsVerify::kNone) {
    material->parsed_->authorities = std::move(system);
    if (!told.authorities.empty()) {
      auto authorities = TlsAuthorities::Parse(told.authorities);
      if (!authorities.ok()) return authorities.status();
      material->parsed_->authorities = std::move(*authorities);
    }
    if (material->parsed_->authorities == nullptr) {
      return Error("ca: expected the authorities that vouch for the upstream");
    }
  }
  if (const auto trial = MakeClientContext(*material); !trial.ok()) return trial.status();
  return std::shared_ptr<const TlsClientMaterial>(std::move(material));
}

}  // namespace holdfast::pool
