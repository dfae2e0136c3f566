#include "pool/tls/certificate_facts.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "pool/net/socket_address.h"
#include "pool/tls/keyed_chain.h"
#include "pool/tls/server_names.h"

namespace holdfast::pool {
namespace {

// "2026-11-29"
std::string DayOf(WallTime time) {
  const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(time));
  const auto two = [](unsigned number) {
    return (number < 10 ? "0" : "") + std::to_string(number);
  };
  return std::to_string(static_cast<int>(day.year())) + "-" +
         two(static_cast<unsigned>(day.month())) + "-" + two(static_cast<unsigned>(day.day()));
}

}  // namespace

absl::StatusOr<CertificateFacts> ReadCertificate(const TlsFile& chain) {
  const absl::StatusOr<std::vector<X509Ptr>> certificates = ParseCertificates(chain);
  if (!certificates.ok()) return certificates.status();
  return FactsOf(*certificates, chain.name);
}

absl::Status CheckKey(const TlsFile& chain, const TlsFile& key) {
  return ParseKeyedChain(chain, key).status();
}

bool IsFor(const CertificateFacts& facts, std::string_view host) {
  if (const auto address = SocketAddress::FromIp(host, 0); address.has_value()) {
    return std::ranges::find(facts.addresses, address->Ip()) != facts.addresses.end();
  }
  ServerNames names;
  for (const std::string& name : facts.names) names.Add(name, 0);
  return names.Find(host).has_value();
}

std::vector<std::string> Warnings(const CertificateFacts& facts, WallTime now, Duration ahead) {
  std::vector<std::string> warnings;
  const auto warn = [&](const std::string& what) { warnings.push_back(facts.file + ": " + what); };
  const auto ends = [&](WallTime end, const std::string& subject) {
    if (end <= now) {
      warn(subject + " expired on " + DayOf(end));
    } else if (end - now <= ahead) {
      warn(subject + " expires on " + DayOf(end));
    }
  };
  if (facts.not_before > now) warn("is not valid before " + DayOf(facts.not_before));
  ends(facts.not_after, "the certificate");
  if (facts.chain_not_after < facts.not_after) {
    ends(facts.chain_not_after, "a certificate of the chain");
  }
  if (!facts.chain_fault.empty()) warn(facts.chain_fault);
  if (facts.names.empty() && facts.addresses.empty()) {
    warn("has no name in subjectAltName, so that no client will take it for any");
  }
  return warnings;
}

}  // namespace holdfast::pool
