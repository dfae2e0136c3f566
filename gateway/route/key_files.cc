#include "gateway/route/key_files.h"

#include <map>
#include <memory>
#include <utility>

#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>

#include "gateway/auth/key_set.h"
#include "gateway/auth/token_rules.h"
#include "gateway/route/named_file.h"
#include "pool/tls/digest.h"

namespace holdfast::route {
namespace {

using auth::KeySet;
using auth::TokenRules;

struct KeyFile {
  std::shared_ptr<const KeySet> keys;
  std::string digest;  // of its text
};

absl::StatusOr<KeyFile> ReadKeys(const std::string& path) {
  absl::StatusOr<std::string> text = ReadNamedFile(path, KeySet::kMaxFileBytes, "1 MiB");
  if (!text.ok()) return text.status();
  absl::StatusOr<KeySet> parsed = KeySet::Parse(*text);
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", std::string(parsed.status().message())));
  }
  return KeyFile{.keys = std::make_shared<const KeySet>(*std::move(parsed)),
                 .digest = pool::Sha256(*text)};
}

// Of all that says which tokens are good and what they say: a reload that changes none of it
// forgets no token.
std::string IdentityOf(const TokenRules& rules, const std::string& digest) {
  std::string all = digest;
  const auto add = [&all](const std::string& text) {
    absl::StrAppend(&all, text.size(), ":", text);
  };
  add(rules.issuer);
  add(rules.audience);
  add(absl::StrCat(rules.leeway.count()));
  for (const pool::SignatureAlgorithm algorithm : rules.algorithms) {
    add(std::string(pool::kSignatureAlgorithmWords.WordOf(algorithm)));
  }
  for (const auth::ClaimHeader& wanted : rules.claims_to_headers) {
    add(wanted.header);
    add(wanted.claim);
  }
  return pool::Sha256(all);
}

}  // namespace

absl::Status LoadKeyFiles(config::Config* config) {
  std::map<std::string, absl::StatusOr<KeyFile>> files;
  std::string wrong;
  bool only_missing = true;
  for (config::Route& route : config->routes) {
    if (!route.jwt.has_value()) continue;
    const std::string& path = route.jwt->jwks;
    auto known = files.find(path);
    if (known == files.end()) known = files.emplace(path, ReadKeys(path)).first;
    const absl::StatusOr<KeyFile>& file = known->second;
    if (file.ok()) {
      route.jwt->keys = file->keys;
      route.jwt->identity = IdentityOf(*route.jwt, file->digest);
      continue;
    }
    only_missing &= absl::IsNotFound(file.status());
    absl::StrAppend(&wrong, wrong.empty() ? "" : "\n", "route ", route.name, ": ",
                    std::string(file.status().message()));
  }
  if (wrong.empty()) return absl::OkStatus();
  return only_missing ? absl::NotFoundError(wrong) : absl::InvalidArgumentError(wrong);
}

std::vector<std::string> KeyFileNotes(const config::Config& config) {
  std::map<std::string, const KeySet*> files;
  for (const config::Route& route : config.routes) {
    if (route.jwt.has_value() && route.jwt->keys != nullptr) {
      files.emplace(route.jwt->jwks, route.jwt->keys.get());
    }
  }
  std::vector<std::string> notes;
  for (const auto& [path, keys] : files) {
    for (const std::string& note : keys->notes()) notes.push_back(absl::StrCat(path, ": ", note));
  }
  return notes;
}

}  // namespace holdfast::route
