#include "pool/tls/tls_settings.h"

namespace holdfast::pool {
namespace {

// A length before each part, so that no two lists of parts make the same text.
void AppendPart(std::string_view part, std::string* text) {
  text->append(std::to_string(part.size())).append(":").append(part);
}

}  // namespace

std::string PolicyText(const std::optional<TlsClientAuth>& auth) {
  if (!auth.has_value()) return {};
  std::string text;
  AppendPart(WordsOf(auth->mode).WordOf(auth->mode), &text);
  AppendPart(auth->authorities.pem, &text);
  AppendPart(auth->revoked.pem, &text);
  AppendPart(std::to_string(auth->depth), &text);
  for (const std::string& name : auth->allow_san) AppendPart(name, &text);
  return text;
}

}  // namespace holdfast::pool
