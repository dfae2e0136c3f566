#include "gateway/route/client_identity.h"

#include <string_view>

#include "gateway/http/header_list.h"

namespace holdfast::route {
namespace {

void AppendField(std::string_view name, std::string_view value, std::string* lines) {
  if (name.empty() || value.empty()) return;
  lines->append(name).append(": ").append(value).append("\r\n");
}

// A list of strings (RFC 8941 section 3.1): a name may have commas in it.
std::string NamesText(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += text.empty() ? "\"" : ", \"";
    for (const char c : name) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += '"';
  }
  return text;
}

}  // namespace

std::vector<std::string> IdentityFieldsOf(const config::Config& config) {
  std::vector<std::string> fields;
  for (const config::Listener& listener : config.listeners) {
    if (!listener.client_certificate_headers.has_value()) continue;
    const config::ClientCertificateHeaders& headers = *listener.client_certificate_headers;
    for (const std::string& name : {headers.certificate, headers.chain, headers.subject,
                                    headers.san, headers.fingerprint, headers.verified}) {
      const bool known = http::IdentifyField(name) == http::FieldId::kClientCert;
      if (!name.empty() && !known) fields.push_back(name);
    }
  }
  return fields;
}

bool AppendIdentity(const config::ClientCertificateHeaders& headers,
                    const pool::PeerIdentity* identity, std::string* lines) {
  if (identity == nullptr) {
    AppendField(headers.verified, "NONE", lines);
    return true;
  }
  const size_t before = lines->size();
  AppendField(headers.verified, "SUCCESS", lines);
  AppendField(headers.subject, identity->subject, lines);
  AppendField(headers.fingerprint, identity->fingerprint, lines);
  if (!headers.san.empty()) AppendField(headers.san, NamesText(identity->names), lines);
  AppendField(headers.certificate, identity->certificate, lines);
  const size_t without_chain = lines->size();
  if (without_chain - before > kMaxIdentityBytes) {
    lines->resize(before);
    return false;
  }
  AppendField(headers.chain, identity->chain, lines);
  if (lines->size() - before > kMaxIdentityBytes) lines->resize(without_chain);
  return true;
}

}  // namespace holdfast::route
