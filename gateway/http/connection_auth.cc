#include "gateway/http/connection_auth.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "gateway/http/syntax.h"

namespace holdfast::http {
namespace {

constexpr std::string_view kSchemes[] = {"ntlm", "negotiate", "nego2"};

// RFC 9110 section 11.3: scheme names know no case, and a challenge begins with one.
bool NamesScheme(std::string_view challenge) {
  const std::string_view scheme = challenge.substr(0, challenge.find_first_of(" \t"));
  return std::ranges::any_of(
      kSchemes, [&](std::string_view known) { return EqualsIgnoreCase(scheme, known); });
}

// Several challenges may share a field. What looks like one inside a quoted string is taken for
// one, too, which costs a connection and no more.
bool ListsScheme(std::string_view value) {
  std::string_view challenge;
  for (ListReader challenges(value); challenges.Next(&challenge);) {
    if (NamesScheme(challenge)) return true;
  }
  return false;
}

constexpr FieldId kCarriers[] = {FieldId::kAuthorization, FieldId::kProxyAuthorization,
                                 FieldId::kProxyAuthenticate, FieldId::kWwwAuthenticate};

bool CarriesChallenge(FieldId id) {
  return std::ranges::find(kCarriers, id) != std::end(kCarriers);
}

}  // namespace

bool AuthenticatesConnection(const HeaderList& headers) {
  // Hardly ever is there one, and the list knows without being walked.
  if (std::ranges::none_of(kCarriers, [&](FieldId id) { return headers.Has(id); })) return false;
  return std::ranges::any_of(headers.fields(), [](const HeaderField& field) {
    return CarriesChallenge(field.id) && ListsScheme(field.value);
  });
}

}  // namespace holdfast::http
