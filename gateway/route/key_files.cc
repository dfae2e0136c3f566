#include "gateway/route/key_files.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>

#include "gateway/route/authorities_file.h"
#include "gateway/route/named_file.h"
#include "pool/tls/digest.h"

namespace holdfast::route {
namespace {

using auth::KeySet;
using auth::TokenRules;

using Keys = std::shared_ptr<const KeySet>;

bool FitsAny(const KeySet& keys, const std::vector<pool::SignatureAlgorithm>& algorithms) {
  return std::ranges::any_of(keys.keys(), [&](const KeySet::Key& key) {
    return std::ranges::any_of(algorithms,
                               [&key](pool::SignatureAlgorithm each) { return key.Fits(each); });
  });
}

absl::StatusOr<Keys> ReadKeys(const std::string& path) {
  absl::StatusOr<std::string> text = ReadNamedFile(path, KeySet::kMaxFileBytes, "1 MiB");
  if (!text.ok()) return text.status();
  absl::StatusOr<KeySet> parsed = KeySet::Parse(*text);
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", std::string(parsed.status().message())));
  }
  return std::make_shared<const KeySet>(*std::move(parsed));
}

// What was read of each path.
template <class Read>
using Files = std::map<std::string, absl::StatusOr<Read>>;

template <class Read>
const absl::StatusOr<Read>& ReadOnce(Files<Read>* files, const std::string& path,
                                     absl::StatusOr<Read> (*read)(const std::string&)) {
  auto known = files->find(path);
  if (known == files->end()) known = files->emplace(path, read(path)).first;
  return known->second;
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

void GiveKeys(std::shared_ptr<const KeySet> keys, TokenRules* rules) {
  rules->identity = IdentityOf(*rules, keys->digest());
  rules->keys = std::move(keys);
}

absl::Status LoadKeyFiles(config::Config* config) {
  Files<Keys> key_files;
  Files<pool::TlsFile> authority_files;
  std::string wrong;
  bool only_missing = true;
  for (config::Route& route : config->routes) {
    if (!route.jwt.has_value()) continue;
    TokenRules& rules = *route.jwt;
    absl::Status status;
    if (!rules.by_url()) {
      const absl::StatusOr<Keys>& keys = ReadOnce<Keys>(&key_files, rules.jwks, ReadKeys);
      status = keys.status();
      if (keys.ok()) GiveKeys(*keys, &rules);
    } else if (rules.jwks_ca != TokenRules::kSystemAuthorities) {
      const absl::StatusOr<pool::TlsFile>& authorities =
          ReadOnce<pool::TlsFile>(&authority_files, rules.jwks_ca, ReadAuthoritiesFile);
      status = authorities.status();
      if (authorities.ok()) rules.authorities = *authorities;
    }
    if (status.ok()) continue;
    only_missing &= absl::IsNotFound(status);
    absl::StrAppend(&wrong, wrong.empty() ? "" : "\n", "route ", route.name, ": ",
                    std::string(status.message()));
  }
  if (wrong.empty()) return absl::OkStatus();
  return only_missing ? absl::NotFoundError(wrong) : absl::InvalidArgumentError(wrong);
}

std::vector<std::string> KeyFileNotes(const config::Config& config) {
  std::map<std::string, const KeySet*> files;
  for (const config::Route& route : config.routes) {
    if (route.jwt.has_value() && !route.jwt->by_url() && route.jwt->keys != nullptr) {
      files.emplace(route.jwt->jwks, route.jwt->keys.get());
    }
  }
  std::vector<std::string> notes;
  for (const auto& [path, keys] : files) {
    for (const std::string& note : keys->notes()) notes.push_back(absl::StrCat(path, ": ", note));
  }
  for (const config::Route& route : config.routes) {
    if (!route.jwt.has_value() || route.jwt->by_url() || route.jwt->keys == nullptr) continue;
    if (route.jwt->algorithms.empty() || FitsAny(*route.jwt->keys, route.jwt->algorithms)) continue;
    notes.push_back(absl::StrCat(route.jwt->jwks, ": no key is for the algorithms of route ",
                                 route.name, ", so that it takes no token"));
  }
  return notes;
}

std::vector<std::string> KeyUrlNotes(const config::Config& config) {
  std::set<std::string> urls;
  for (const config::Route& route : config.routes) {
    if (route.jwt.has_value() && route.jwt->by_url()) urls.insert(route.jwt->jwks);
  }
  std::vector<std::string> notes;
  for (const std::string& url : urls) {
    notes.push_back(
        absl::StrCat("keys for tokens would be fetched from ", url, ", which is not tried here"));
  }
  return notes;
}

}  // namespace holdfast::route
