#include "pool/tls/keyed_chain.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include <absl/status/status.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "pool/net/check.h"
#include "pool/tls/context_setup.h"

namespace holdfast::pool {
namespace {

// A CA bundle has a few hundred; a file with more is not one.
constexpr size_t kMaxCertificates = 4096;

absl::Status Error(const TlsFile& file, std::string_view what) {
  std::string text = file.name.empty() ? "(no file)" : file.name;
  text.append(": ").append(what);
  return absl::InvalidArgumentError(text);
}

BioPtr BioOf(const TlsFile& file) {
  BioPtr bio(BIO_new_mem_buf(file.pem.data(), static_cast<int>(file.pem.size())));
  HOLDFAST_CHECK(bio != nullptr);
  return bio;
}

// Instead of the library's question on the terminal.
int NoPassword(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

bool AtEndOfFile() {
  const unsigned long error = ERR_peek_last_error();
  return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

WallTime TimeOf(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return WallTime::min();
  // Beyond what nanoseconds reach (RFC 5280 section 4.1.2.5 allows the year 9999).
  constexpr int kLastYear = 2200 - 1900;
  if (parts.tm_year > kLastYear) return WallTime::max();
  return WallTime(std::chrono::seconds(timegm(&parts)));
}

std::string NameOf(const X509_NAME* name) {
  BioPtr bio(BIO_new(BIO_s_mem()));
  HOLDFAST_CHECK(bio != nullptr);
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

std::string SerialOf(X509* certificate) {
  BIGNUM* number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr);
  if (number == nullptr) return {};
  char* text = BN_bn2hex(number);
  std::string serial = text != nullptr ? text : "";
  OPENSSL_free(text);
  BN_free(number);
  return serial;
}

std::string AddressOf(const ASN1_OCTET_STRING* bytes) {
  const int size = ASN1_STRING_length(bytes);
  if (size != 4 && size != 16) return {};
  char text[INET6_ADDRSTRLEN];
  const int family = size == 4 ? AF_INET : AF_INET6;
  return inet_ntop(family, ASN1_STRING_get0_data(bytes), text, sizeof(text));
}

KeyType KeyTypeOf(const EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS: return KeyType::kRsa;
    case EVP_PKEY_EC: return KeyType::kEcdsa;
    case EVP_PKEY_ED25519: return KeyType::kEd25519;
    default: return KeyType::kOther;
  }
}

// Nobody can agree with a client or server on any other (RFC 8446 section 4.2.3).
absl::Status CheckUsable(const EVP_PKEY* key, const TlsFile& file) {
  const auto refuse = [&file](const std::string& what) {
    return Error(file, what + "; expected RSA, ECDSA with P-256, P-384 or P-521, or EdDSA");
  };
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
    case EVP_PKEY_ED25519:
    case EVP_PKEY_ED448: return absl::OkStatus();
    case EVP_PKEY_EC: break;
    default: {
      const char* const kind = EVP_PKEY_get0_type_name(key);
      return refuse(std::string("TLS has no use for a key of the kind ") +
                    (kind != nullptr ? kind : "unknown"));
    }
  }
  std::array<char, 64> curve{};
  size_t size = 0;
  if (EVP_PKEY_get_group_name(key, curve.data(), curve.size(), &size) != 1) {
    ERR_clear_error();
    return refuse("the curve of the private key has no name");
  }
  const int id = OBJ_txt2nid(curve.data());
  if (id == NID_X9_62_prime256v1 || id == NID_secp384r1 || id == NID_secp521r1) {
    return absl::OkStatus();
  }
  return refuse(std::string("TLS has no use for a key of the curve ") + curve.data());
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace

std::string TakeLibraryError() {
  const unsigned long error = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(error);
  std::string text = reason != nullptr ? reason : "unknown error";
  ERR_clear_error();
  return text;
}

absl::StatusOr<std::vector<X509Ptr>> ParseCertificates(const TlsFile& file) {
  InitLibrary();
  ERR_clear_error();
  const BioPtr bio = BioOf(file);
  std::vector<X509Ptr> certificates;
  while (certificates.size() < kMaxCertificates) {
    bool asked = false;
    X509Ptr next(PEM_read_bio_X509_AUX(bio.get(), nullptr, NoPassword, &asked));
    if (next == nullptr) break;
    certificates.push_back(std::move(next));
  }
  if (!AtEndOfFile()) {
    const std::string which = std::to_string(certificates.size() + 1);
    return Error(file, "certificate " + which + " can't be read: " + TakeLibraryError());
  }
  ERR_clear_error();
  if (certificates.empty()) {
    return Error(file, "no certificate in it; expected PEM with BEGIN CERTIFICATE");
  }
  return certificates;
}

absl::StatusOr<std::vector<CrlPtr>> ParseRevocations(const TlsFile& file) {
  ERR_clear_error();
  const BioPtr bio = BioOf(file);
  std::vector<CrlPtr> lists;
  while (lists.size() < kMaxCertificates) {
    CrlPtr next(PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr));
    if (next == nullptr) break;
    lists.push_back(std::move(next));
  }
  if (!AtEndOfFile()) return Error(file, "a CRL can't be read: " + TakeLibraryError());
  ERR_clear_error();
  if (lists.empty()) return Error(file, "no CRL in it; expected PEM with BEGIN X509 CRL");
  return lists;
}

absl::StatusOr<KeyedChain> ParseKeyedChain(const TlsFile& chain, const TlsFile& key_file) {
  absl::StatusOr<std::vector<X509Ptr>> certificates = ParseCertificates(chain);
  if (!certificates.ok()) return certificates.status();
  bool asked = false;
  const BioPtr bio = BioOf(key_file);
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassword, &asked));
  if (asked)
    return Error(key_file, "the private key is encrypted; expected one without a password");
  if (key == nullptr) {
    const std::string error = TakeLibraryError();
    if (key_file.pem.find("PRIVATE KEY-----") == std::string::npos) {
      return Error(key_file, "no private key in it; expected PEM with BEGIN PRIVATE KEY");
    }
    return Error(key_file, "the private key can't be read: " + error);
  }
  if (absl::Status usable = CheckUsable(key.get(), key_file); !usable.ok()) return usable;
  const int matches = X509_check_private_key(certificates->front().get(), key.get());
  ERR_clear_error();
  if (matches != 1) {
    return Error(key_file, "the private key is not that of the certificate in " + chain.name);
  }
  KeyedChain result{.key = std::move(key), .facts = FactsOf(*certificates, chain.name)};
  result.leaf = std::move(certificates->front());
  for (size_t i = 1; i < certificates->size(); ++i) {
    result.rest.push_back(std::move((*certificates)[i]));
  }
  return result;
}

std::string SubjectOf(const X509* certificate) {
  return NameOf(X509_get_subject_name(certificate));
}

std::vector<std::string> SubjectNames(X509* certificate, bool* nul) {
  std::vector<std::string> result;
  const GeneralNamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  ERR_clear_error();
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS && name->type != GEN_URI) continue;
    const ASN1_IA5STRING* text =
        name->type == GEN_DNS ? name->d.dNSName : name->d.uniformResourceIdentifier;
    const std::string_view raw(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                               static_cast<size_t>(ASN1_STRING_length(text)));
    if (raw.find('\0') != std::string_view::npos) *nul = true;
    result.push_back(name->type == GEN_DNS ? "dns:" + Lower(raw) : "uri:" + std::string(raw));
  }
  return result;
}

CertificateFacts FactsOf(const std::vector<X509Ptr>& chain, std::string_view file) {
  HOLDFAST_CHECK(!chain.empty());
  X509* leaf = chain.front().get();
  CertificateFacts facts{.file = std::string(file),
                         .subject = NameOf(X509_get_subject_name(leaf)),
                         .issuer = NameOf(X509_get_issuer_name(leaf)),
                         .serial = SerialOf(leaf),
                         .not_before = TimeOf(X509_get0_notBefore(leaf)),
                         .not_after = TimeOf(X509_get0_notAfter(leaf)),
                         .self_signed = X509_self_signed(leaf, 0) == 1,
                         .chain_length = chain.size()};
  const EVP_PKEY* key = X509_get0_pubkey(leaf);
  if (key != nullptr) {
    facts.key_type = KeyTypeOf(key);
    facts.key_bits = EVP_PKEY_get_bits(key);
  }
  bool nul = false;
  for (const std::string& name : SubjectNames(leaf, &nul)) {
    if (name.starts_with("dns:") && name.find('\0') == std::string::npos) {
      facts.names.push_back(name.substr(4));
    }
  }
  const GeneralNamesPtr names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_IPADD) facts.addresses.push_back(AddressOf(name->d.iPAddress));
  }
  facts.chain_not_after = facts.not_after;
  for (size_t i = 1; i < chain.size(); ++i) {
    facts.chain_not_after =
        std::min(facts.chain_not_after, TimeOf(X509_get0_notAfter(chain[i].get())));
    const bool vouches = X509_check_issued(chain[i].get(), chain[i - 1].get()) == X509_V_OK;
    if (vouches || !facts.chain_fault.empty()) continue;
    facts.chain_fault = "certificate " + std::to_string(i + 1) + " (" +
                        NameOf(X509_get_subject_name(chain[i].get())) +
                        ") does not vouch for the one before it";
  }
  ERR_clear_error();
  return facts;
}

}  // namespace holdfast::pool
