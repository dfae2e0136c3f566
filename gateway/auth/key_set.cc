#include "gateway/auth/key_set.h"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "gateway/auth/base64.h"
#include "pool/tls/digest.h"

namespace holdfast::auth {
namespace {

using nlohmann::json;
using pool::PublicKey;

// Longer ones are refused before they are read: more than the largest number of a key of RSA.
constexpr size_t kMaxNumberBytes = 2 * PublicKey::kMaxSignatureBytes;

absl::Status Error(const std::string& what) { return absl::InvalidArgumentError(what); }

// nullopt: there is no such member. Not UTF-8, or no text: an empty one.
std::optional<std::string> TextAt(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) return std::nullopt;
  return found->is_string() ? found->get<std::string>() : std::string();
}

// What base64url says there (RFC 7518 section 6).
absl::StatusOr<std::string> NumberAt(const json& object, const char* name) {
  const std::optional<std::string> text = TextAt(object, name);
  if (!text.has_value()) return Error(std::string(name) + " is missing");
  std::array<char, kMaxNumberBytes> bytes;
  const std::optional<size_t> size = DecodeBase64Url(*text, bytes);
  if (!size.has_value() || *size == 0) {
    return Error(std::string(name) + " is not base64url without padding");
  }
  return std::string(bytes.data(), *size);
}

absl::StatusOr<PublicKey> OfCurve(PublicKey::Kind kind, const json& object) {
  const absl::StatusOr<std::string> x = NumberAt(object, "x");
  if (!x.ok()) return x.status();
  const absl::StatusOr<std::string> y = NumberAt(object, "y");
  if (!y.ok()) return y.status();
  return PublicKey::OfCurve(kind, *x, *y);
}

absl::StatusOr<PublicKey> OfRsa(const json& object) {
  const absl::StatusOr<std::string> n = NumberAt(object, "n");
  if (!n.ok()) return n.status();
  const absl::StatusOr<std::string> e = NumberAt(object, "e");
  if (!e.ok()) return e.status();
  return PublicKey::OfRsa(*n, *e);
}

absl::StatusOr<PublicKey> OfEd25519(const json& object) {
  const absl::StatusOr<std::string> x = NumberAt(object, "x");
  if (!x.ok()) return x.status();
  return PublicKey::OfEd25519(*x);
}

// Why a key is left out; empty: it is not.
std::string ReasonToSkip(const json& object, const std::string& type) {
  const std::string curve = TextAt(object, "crv").value_or("");
  if (type == "EC" && curve != "P-256" && curve != "P-384") return "its curve is not known";
  if (type == "OKP" && curve != "Ed25519") return "its curve is not known";
  if (type != "EC" && type != "OKP" && type != "RSA") return "its kind is not known";
  if (TextAt(object, "use").value_or("sig") != "sig") return "it is not for signatures";
  if (const auto uses = object.find("key_ops"); uses != object.end()) {
    bool verifies = false;
    for (const json& use : *uses) verifies |= use == "verify";
    if (!verifies) return "it is not for checking signatures";
  }
  const std::optional<std::string> algorithm = TextAt(object, "alg");
  if (algorithm.has_value() && !pool::kSignatureAlgorithmWords.ValueOf(*algorithm).has_value()) {
    return "its algorithm is not known";
  }
  return {};
}

absl::StatusOr<KeySet::Key> ReadKey(const json& object, const std::string& type) {
  // Of all kinds (RFC 7518 sections 6.2.2 and 6.3.2, RFC 8037 section 2).
  if (object.contains("d")) {
    return Error("its private half is there, too, which belongs to the issuer alone");
  }
  absl::StatusOr<PublicKey> key = absl::InternalError("");
  if (type == "EC") {
    const bool longer = TextAt(object, "crv") == "P-384";
    key = OfCurve(longer ? PublicKey::Kind::kP384 : PublicKey::Kind::kP256, object);
  } else if (type == "RSA") {
    key = OfRsa(object);
  } else {
    key = OfEd25519(object);
  }
  if (!key.ok()) return key.status();
  KeySet::Key read{.id = {}, .key = *std::move(key), .algorithm = {}};
  if (const std::optional<std::string> id = TextAt(object, "kid")) {
    if (id->empty() || id->size() > KeySet::kMaxIdBytes) {
      return Error("expected kid to be a text of 1 to 256 bytes");
    }
    read.id = *id;
  }
  if (const std::optional<std::string> algorithm = TextAt(object, "alg")) {
    read.algorithm = pool::kSignatureAlgorithmWords.ValueOf(*algorithm);
    if (!read.key.Fits(*read.algorithm)) return Error("its alg is for keys of another kind");
  }
  return read;
}

// A set needs three levels. What is nested by the hundred thousand takes seconds to be read.
constexpr int kMaxDepth = 32;

// Of what is JSON; of anything else either answer will do.
bool IsTooDeep(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') quoted = !quoted;
    if (quoted && c == '\\') ++i;
    if (quoted) continue;
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (depth > kMaxDepth) return true;
  }
  return false;
}

// All that says which tokens a key is for.
std::string DigestOfKey(const json& object) {
  std::string all;
  for (const char* const name : {"kty", "crv", "x", "y", "n", "e", "kid", "alg"}) {
    const std::string value = TextAt(object, name).value_or("");
    all += std::to_string(value.size()) + ":" + value;
  }
  return pool::Sha256(all);
}

}  // namespace

absl::StatusOr<KeySet> KeySet::Parse(std::string_view text, Wrong wrong) {
  if (IsTooDeep(text)) return Error("it is nested too deeply");
  const json root = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object() || !root.contains("keys") || !root["keys"].is_array()) {
    return Error("expected a JSON Web Key Set, {\"keys\": [...]}");
  }
  const json& keys = root["keys"];
  if (keys.size() > kMaxKeys) return Error("it has more than 64 keys");
  KeySet set;
  std::vector<std::string> digests;
  size_t number = 0;
  for (const json& object : keys) {
    const std::string name = "key " + std::to_string(++number);
    absl::StatusOr<Key> key = Error("expected an object");
    if (object.is_object()) {
      const std::string type = TextAt(object, "kty").value_or("");
      if (const std::string reason = ReasonToSkip(object, type); !reason.empty()) {
        set.notes_.push_back(name + " is left out: " + reason);
        continue;
      }
      key = ReadKey(object, type);
    }
    if (key.ok()) {
      set.keys_.push_back(*std::move(key));
      digests.push_back(DigestOfKey(object));
      continue;
    }
    const std::string why(key.status().message());
    if (wrong == Wrong::kIsAnError) return Error(name + ": " + why);
    set.notes_.push_back(name + " is left out: " + why);
  }
  // Issuers that answer from several machines give their keys in changing order.
  std::ranges::sort(digests);
  for (const std::string& digest : digests) set.digest_ += digest;
  if (!set.keys_.empty()) return set;
  return Error(set.notes_.empty() ? "it has no keys"
                                  : "none of its keys is of use; " + set.notes_.front());
}

}  // namespace holdfast::auth
