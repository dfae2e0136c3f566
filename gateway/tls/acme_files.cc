#include "gateway/tls/acme_files.h"

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>

#include "gateway/config/file_text.h"
#include "pool/tls/digest.h"

namespace holdfast::tls {
namespace {

// A chain and a key have some KiB.
constexpr size_t kMaxFileBytes = 256 * 1024;
constexpr size_t kDigestBytes = 4;

}  // namespace

std::string AcmeFileName(std::string_view directory, std::string_view name) {
  const size_t begin = directory.find("//");
  std::string_view host = begin == std::string_view::npos ? directory : directory.substr(begin + 2);
  host = host.substr(0, host.find_first_of("/?"));
  // The host is for people; one host may have several directories.
  const std::string digest = pool::Sha256(directory).substr(0, kDigestBytes);
  return absl::StrCat(std::string(name), "@", std::string(host), "-",
                      absl::BytesToHexString(digest), ".pem");
}

std::string AcmeFilePath(const config::ListenerAcme& acme, std::string_view name) {
  std::string path = acme.storage;
  if (!path.ends_with('/')) path += '/';
  return path.append(AcmeFileName(acme.directory, name));
}

absl::StatusOr<AcmeCertificate> ReadAcmeCertificate(const config::ListenerAcme& acme,
                                                    const std::string& name) {
  const std::string path = AcmeFilePath(acme, name);
  std::optional<std::string> text = config::ReadFileText(path, kMaxFileBytes);
  if (!text.has_value()) {
    const int error = errno;
    std::string what = absl::StrCat(path, ": cannot be read: ", std::strerror(error));
    return error == ENOENT ? absl::NotFoundError(what) : absl::UnavailableError(what);
  }
  if (text->size() > kMaxFileBytes) {
    return absl::InvalidArgumentError(path + ": is larger than 256 KiB");
  }
  const pool::TlsFile file{.pem = *std::move(text), .name = path};
  absl::StatusOr<pool::CertificateFacts> facts = pool::ReadCertificate(file);
  if (!facts.ok()) return facts.status();
  if (absl::Status fits = pool::CheckKey(file, file); !fits.ok()) return fits;
  if (!pool::IsFor(*facts, name)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": the certificate is not for ", name));
  }
  return AcmeCertificate{.certificate = {.chain = file, .key = file}, .facts = *std::move(facts)};
}

}  // namespace holdfast::tls
