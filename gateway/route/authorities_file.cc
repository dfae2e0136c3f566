#include "gateway/route/authorities_file.h"

#include <cstddef>
#include <utility>

#include "gateway/route/named_file.h"
#include "pool/tls/tls_material.h"

namespace holdfast::route {
namespace {

// The bundle of a whole system has some hundred KiB.
constexpr size_t kMaxAuthoritiesBytes = size_t{4} << 20;

}  // namespace

absl::StatusOr<pool::TlsFile> ReadAuthoritiesFile(const std::string& path) {
  absl::StatusOr<std::string> text = ReadNamedFile(path, kMaxAuthoritiesBytes, "4 MiB");
  if (!text.ok()) return text.status();
  if (text->empty()) return absl::InvalidArgumentError(path + ": it is empty");
  pool::TlsFile file{.pem = *std::move(text), .name = path};
  // Whether something can be verified by it, which otherwise only an exchange would tell.
  const auto tried = pool::TlsClientMaterial::Load({.server_name = "a.test",
                                                    .authorities = file,
                                                    .client_certificate = {},
                                                    .client_key = {},
                                                    .protocols = {"http/1.1"}},
                                                   nullptr);
  if (!tried.ok()) return absl::InvalidArgumentError(std::string(tried.status().message()));
  return file;
}

}  // namespace holdfast::route
