#ifndef HOLDFAST_GATEWAY_ACME_STORAGE_H_
#define HOLDFAST_GATEWAY_ACME_STORAGE_H_

#include <optional>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "pool/net/socket.h"
#include "pool/tls/signing_key.h"

namespace holdfast::acme {

// Who we are to one authority.
struct Account {
  pool::SigningKey key;
  std::string url;  // what the authority calls it; empty: it does not know us yet
};

// A folder that outlives the process and may be shared with others that serve the same names: the
// account of each directory, and the certificates (tls/acme_files.h). Files are 0600, the folder
// 0700; they appear whole or not at all. Errors name the file. All of it blocks; main thread.
class Storage {
 public:
  explicit Storage(std::string folder);

  // Makes the folder if it is not there, and tries whether it can be written.
  absl::Status Prepare() const;

  // Of a directory, by its URL. NotFound: there is none yet.
  absl::StatusOr<Account> ReadAccount(std::string_view directory) const;
  absl::Status WriteAccount(std::string_view directory, const Account& account) const;
  // What ReadAcmeCertificate reads for the same folder, directory and name.
  absl::Status WriteCertificate(std::string_view directory, std::string_view name,
                                std::string_view chain, std::string_view key) const;

  // What all processes with the storage are to show for the order under way; empty: nothing. Who
  // writes it has the lock.
  absl::Status WriteProof(std::string_view text) const;
  std::string ReadProof() const;

  // Shows others that this process uses the storage, as long as it has the descriptor.
  absl::StatusOr<pool::FileDescriptor> ShowPresence() const;
  // Whether nobody but the owner of that descriptor does.
  static bool IsAlone(const pool::FileDescriptor& presence);

  // The right to order, of one process at a time; it ends with the descriptor, and so with the
  // process. An invalid one: another has it.
  absl::StatusOr<pool::FileDescriptor> TryLock() const;

 private:
  std::string Path(std::string_view file) const;
  absl::Status Write(std::string_view file, std::string_view text) const;

  const std::string folder_;
};

}  // namespace holdfast::acme

#endif  // HOLDFAST_GATEWAY_ACME_STORAGE_H_
