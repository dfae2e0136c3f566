#include "gateway/acme/check_notes.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "gateway/acme/messages.h"
#include "gateway/tls/acme_files.h"

namespace holdfast::acme {
namespace {

// The folder in which the storage's own would be made.
std::string Above(std::string folder) {
  while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  const size_t slash = folder.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : folder.substr(0, slash);
}

std::string StorageNote(const std::string& folder) {
  struct stat facts;
  const bool there = stat(folder.c_str(), &facts) == 0;
  if (!there && errno != ENOENT) {
    return absl::StrCat(folder, " cannot be looked at: ", std::strerror(errno));
  }
  if (there && !S_ISDIR(facts.st_mode)) return folder + " is no folder";
  const std::string written = there ? folder : Above(folder);
  if (access(written.c_str(), W_OK | X_OK) != 0) {
    const std::string why = std::strerror(errno);
    return absl::StrCat(there ? "" : folder + " is not there, and ", written,
                        " cannot be written: ", why);
  }
  return folder + (there ? " can be written" : " would be made");
}

void AddNotes(const config::Listener& listener, std::vector<std::string>* notes) {
  const config::ListenerAcme& acme = *listener.tls->acme;
  std::vector<std::string> there;
  std::vector<std::string> missing;
  for (const std::string& name : acme.names) {
    if (std::ranges::find(acme.covered, name) != acme.covered.end()) continue;
    const absl::StatusOr<tls::AcmeCertificate> read = tls::ReadAcmeCertificate(acme, name);
    (read.ok() ? there : missing).push_back(name);
    if (read.ok() || absl::IsNotFound(read.status())) continue;
    notes->push_back(
        absl::StrCat("listener ", listener.name, ": ", std::string(read.status().message())));
  }
  const std::string subject = absl::StrCat("listener ", listener.name, ": acme: ");
  if (!missing.empty()) {
    notes->push_back(absl::StrCat(subject, "would order certificates for ",
                                  absl::StrJoin(missing, ", "), " at ", OneLine(acme.directory),
                                  " by ",
                                  std::string(WordsOf(acme.challenge).WordOf(acme.challenge))));
  }
  if (!there.empty()) {
    notes->push_back(
        absl::StrCat(subject, "would keep and renew those for ", absl::StrJoin(there, ", ")));
  }
  notes->push_back(subject + StorageNote(acme.storage));
}

}  // namespace

std::vector<std::string> CheckNotes(const config::Config& config) {
  std::vector<std::string> notes;
  for (const config::Listener& listener : config.listeners) {
    if (listener.tls.has_value() && listener.tls->acme.has_value()) AddNotes(listener, &notes);
  }
  return notes;
}

}  // namespace holdfast::acme
